using System.IO.Compression;

namespace StreamMLOps.Tests;

/// <summary>The public data sets that lie beside the repository, in <c>../shared/data</c>; tests that need them are skipped where they are absent.</summary>
public static class SharedData
{
    /// <summary>The folder, or null where it is absent.</summary>
    public static string? Folder { get; } = Find();

    /// <summary>A file of it, unpacked where it is gzip.</summary>
    public static byte[] Read(string name)
    {
        using var file = File.OpenRead(Path.Combine(Folder!, name));
        using Stream stream = name.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }

    private static string? Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "StreamMLOps.sln"))) continue;
            // A second work tree of the repository may lie one folder deeper than the first.
            foreach (var data in new[] { "../shared/data", "../../shared/data" })
                if (Path.GetFullPath(Path.Combine(folder.FullName, data)) is var path && Directory.Exists(path)) return path;
            return null;
        }
        return null;
    }
}

/// <summary>A fact that needs files of <see cref="SharedData"/>.</summary>
public sealed class SharedDataFactAttribute : FactAttribute
{
    /// <summary>Skips where a file is absent.</summary>
    public SharedDataFactAttribute(params string[] files) => Skip = SharedDataSkip.Of(files);
}

/// <summary>A theory that needs files of <see cref="SharedData"/>.</summary>
public sealed class SharedDataTheoryAttribute : TheoryAttribute
{
    /// <summary>Skips where a file is absent.</summary>
    public SharedDataTheoryAttribute(params string[] files) => Skip = SharedDataSkip.Of(files);
}

internal static class SharedDataSkip
{
    public static string? Of(string[] files)
    {
        if (SharedData.Folder is null) return "the folder ../shared/data is not there";
        var missing = files.FirstOrDefault(f => !File.Exists(Path.Combine(SharedData.Folder, f)));
        return missing is null ? null : $"../shared/data/{missing} is not there";
    }
}
