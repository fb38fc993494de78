using System.Reflection;
using System.Xml.Linq;

namespace StreamMLOps.Host.Tests;

public sealed class ProjectReferenceTests
{
    /// <summary>Who may know whom: Host, then Actors, then Pipeline, then Learning, never back and never past the next.</summary>
    private static readonly (string Project, string[] References)[] Allowed =
    [
        ("Learning", []),
        ("Pipeline", ["Learning"]),
        ("Actors", ["Pipeline"]),
        ("Host", ["Actors"]),
    ];

    [Fact]
    public void Projects_reference_the_next_one_down_and_no_other()
    {
        foreach (var (project, references) in Allowed)
            Assert.Equal(references, Project(project).Descendants("ProjectReference").Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value)));
    }

    [Fact]
    public void Every_project_of_src_is_held_to_this() =>
        Assert.Equal(Allowed.Select(a => a.Project).Order(), Directory.GetDirectories(Path.Combine(Root, "src")).Select(d => Path.GetFileName(d)!).Order());

    [Fact]
    public void Assemblies_know_those_below_them_and_no_other()
    {
        string[] order = ["StreamMLOps.Learning", "StreamMLOps.Pipeline", "StreamMLOps.Actors", "streammlops"];
        foreach (var assembly in new[] { typeof(Learning.IModel), typeof(Pipeline.IDecoder), typeof(Actors.JournalReader), typeof(CommandLine) }.Select(t => t.Assembly))
        {
            var below = order.TakeWhile(name => name != assembly.GetName().Name).ToArray();
            var known = assembly.GetReferencedAssemblies().Select(r => r.Name!).Where(n => n.StartsWith("streammlops", StringComparison.OrdinalIgnoreCase));
            Assert.Empty(known.Except(below));
        }
    }

    [Fact]
    public void The_learning_library_needs_the_base_class_library_alone()
    {
        Assert.Equal(["System.IO.Hashing"], Project("Learning").Descendants("PackageReference").Select(r => r.Attribute("Include")!.Value));
        Assert.DoesNotContain(typeof(Learning.IModel).Assembly.GetReferencedAssemblies(), r => r.Name!.StartsWith("Akka", StringComparison.Ordinal) || r.Name.StartsWith("Confluent", StringComparison.Ordinal));
    }

    [Fact]
    public void Every_package_is_pinned_in_one_place()
    {
        foreach (var project in Directory.GetFiles(Root, "*.csproj", SearchOption.AllDirectories))
            Assert.DoesNotContain(XDocument.Load(project).Descendants("PackageReference"), r => r.Attribute("Version") is not null);
    }

    private static string Root { get; } = FindRoot();

    private static XDocument Project(string name) => XDocument.Load(Path.Combine(Root, "src", name, $"{name}.csproj"));

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(Path.GetDirectoryName(Assembly.GetExecutingAssembly().Location)!);
        while (!File.Exists(Path.Combine(folder.FullName, "StreamMLOps.sln"))) folder = folder.Parent!;
        return folder.FullName;
    }
}
