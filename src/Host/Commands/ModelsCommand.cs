using System.Globalization;
using StreamMLOps.Learning;

namespace StreamMLOps.Host;

/// <summary>Lists the registry: every algorithm, its parameters, defaults and documentation.</summary>
public static class ModelsCommand
{
    public static int Run(TextWriter output)
    {
        foreach (var kind in ModelRegistry.Kinds)
        {
            output.WriteLine($"{kind.Name} (revision {kind.Revision.ToString(CultureInfo.InvariantCulture)}, {kind.Task})");
            output.WriteLine($"  {kind.Summary}");
            output.WriteLine($"  {kind.Paper}");
            output.WriteLine();
            foreach (var parameter in kind.Parameters) Write(output, parameter, "  ");
            output.WriteLine();
        }
        return ExitStatus.Ok;
    }

    private static void Write(TextWriter output, Parameter parameter, string indent)
    {
        output.WriteLine($"{indent}{parameter.Name + " = " + Default(parameter),-34} {parameter.Doc}");
        if (parameter is not Parameter.Choice choice) return;
        foreach (var option in choice.Options)
        {
            output.WriteLine($"{indent}  {option.Name,-32} {option.Doc}");
            foreach (var inner in option.Parameters) Write(output, inner, indent + "    ");
        }
    }

    private static string Default(Parameter parameter) => parameter switch
    {
        Parameter.Number n => n.Default.ToString("R", CultureInfo.InvariantCulture),
        Parameter.Integer i => i.Default.ToString(CultureInfo.InvariantCulture),
        Parameter.Flag f => f.Default ? "on" : "off",
        Parameter.Choice c => c.Default,
        Parameter.Choices c => $"[{string.Join(", ", c.Default.Items.OfType<ConfigNode.Text>().Select(i => i.Value))}]",
        Parameter.Model m => m.Default.Fields.TryGetValue("algorithm", out var a) && a is ConfigNode.Text t ? t.Value : "{}",
        _ => "[]",
    };
}
