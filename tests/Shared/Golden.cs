namespace StreamMLOps.Tests;

/// <summary>
/// Bytes kept under <c>tests/PROJECT/Golden</c>: what a saved state looked like when its format was made. A file is written only where
/// it is missing and <c>STREAMMLOPS_WRITE_GOLDEN</c> is set; nothing ever overwrites one.
/// </summary>
public static class Golden
{
    /// <summary>The kept bytes of a name.</summary>
    /// <param name="project">Folder of the test project.</param>
    /// <param name="name">Name of the file, without its extension.</param>
    /// <param name="now">What the program would write now, kept if there is nothing yet and writing is on.</param>
    public static byte[] Read(string project, string name, byte[] now)
    {
        var path = Path.Combine(Root(), "tests", project, "Golden", name + ".bin");
        if (!File.Exists(path) && Environment.GetEnvironmentVariable("STREAMMLOPS_WRITE_GOLDEN") is not null)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, now);
        }
        Assert.True(File.Exists(path), $"no golden bytes for '{name}': set STREAMMLOPS_WRITE_GOLDEN=1 once, look at {path} and commit it");
        return File.ReadAllBytes(path);
    }

    private static string Root()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "StreamMLOps.sln"))) return folder.FullName;
        throw new DirectoryNotFoundException("the tests run outside of the repository");
    }
}
