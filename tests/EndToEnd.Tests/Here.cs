using StreamMLOps.Host;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>A command run in this process, with the real node and a real journal.</summary>
internal static class Here
{
    public static async Task<(int Status, string Output, string Error)> Run(params string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var status = await new CommandLine(new NodeFactory(), new Terminal(output, error, TextReader.Null, null), TimeProvider.System).Run(arguments, CancellationToken.None);
        return (status, output.ToString(), error.ToString());
    }

    /// <summary>A data folder and settings of a pipeline <c>urls</c> over an svmlight file.</summary>
    public static string[] RunUrls(string folder, string rows, string more = "")
    {
        var config = Path.Combine(folder, "urls.conf");
        File.WriteAllText(config, $"stream-mlops.pipelines.urls {{ source {{ path = \"{rows}\" }}\n{more} }}");
        return ["run", "--config", config, "--data-folder", Path.Combine(folder, "data"), "--plain"];
    }
}
