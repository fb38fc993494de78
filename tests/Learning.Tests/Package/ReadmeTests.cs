namespace StreamMLOps.Learning.Tests.Package;

public class ReadmeTests
{
    [Fact]
    public void The_example_runs() => ReadmeExample.Run();

    [Fact]
    public void The_readme_of_the_package_shows_the_example_that_is_compiled_here()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "StreamMLOps.sln"))) folder = folder.Parent;
        var source = File.ReadAllLines(Path.Combine(folder!.FullName, "tests", "Learning.Tests", "Package", "ReadmeExample.cs"));
        var example = source.SkipWhile(l => !l.Contains("// <example>")).Skip(1).TakeWhile(l => !l.Contains("// </example>")).Select(l => l.Length > 8 ? l[8..] : "");
        var readme = File.ReadAllText(Path.Combine(folder.FullName, "src", "Learning", "README.md"));
        Assert.Contains($"```csharp\nusing StreamMLOps.Learning;\n\n{string.Join('\n', example)}\n```", readme.ReplaceLineEndings("\n"));
    }
}
