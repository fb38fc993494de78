namespace StreamMLOps.Learning.Tests.Metrics;

/// <summary>
/// Saved states of metrics as they looked when their format was made, a line each in <c>Golden/metrics.txt</c>: kind, task, span, format and the bytes. A line is added only where
/// it is missing and <c>STREAMMLOPS_WRITE_GOLDEN</c> names the folder in the repository; nothing ever changes one.
/// </summary>
internal static class GoldenMetrics
{
    private const string File = "metrics.txt";
    private static readonly Lock Writing = new();

    public static byte[] Read(string name, byte[] now)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "Golden", File);
        var line = System.IO.File.Exists(path) ? System.IO.File.ReadLines(path).FirstOrDefault(l => l.StartsWith(name + " ", StringComparison.Ordinal)) : null;
        if (line is not null) return Convert.FromBase64String(line[(name.Length + 1)..]);
        var folder = Environment.GetEnvironmentVariable("STREAMMLOPS_WRITE_GOLDEN");
        Assert.True(folder is not null, $"no golden bytes of {name}: set STREAMMLOPS_WRITE_GOLDEN to tests/Learning.Tests/Golden once and commit the file");
        lock (Writing) System.IO.File.AppendAllText(Path.Combine(folder, File), $"{name} {Convert.ToBase64String(now)}\n");
        return now;
    }
}
