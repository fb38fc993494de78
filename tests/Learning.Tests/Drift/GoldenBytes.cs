namespace StreamMLOps.Learning.Tests.Drift;

/// <summary>
/// Bytes kept under <c>Golden</c>: what a saved state looked like when its format was made. A file is written only where it is missing and
/// <c>STREAMMLOPS_WRITE_GOLDEN</c> names the folder in the repository; nothing ever overwrites one.
/// </summary>
internal static class GoldenBytes
{
    public static byte[] Read(string name, byte[] now)
    {
        if (Environment.GetEnvironmentVariable("STREAMMLOPS_WRITE_GOLDEN") is { } folder && Path.Combine(folder, name) is var missing && !File.Exists(missing))
        {
            File.WriteAllBytes(missing, now);
            return now;
        }
        var path = Path.Combine(AppContext.BaseDirectory, "Golden", name);
        Assert.True(File.Exists(path), $"no golden bytes of {name}: set STREAMMLOPS_WRITE_GOLDEN to tests/Learning.Tests/Golden once and commit the file");
        return File.ReadAllBytes(path);
    }
}
