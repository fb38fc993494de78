using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>Settings files as people name them on the command line.</summary>
public static class SettingsFile
{
    /// <summary>Reads a file.</summary>
    /// <exception cref="BadInputException">It is not there, cannot be read, or is not HOCON.</exception>
    public static HoconDocument Read(string path)
    {
        try
        {
            return HoconDocument.Parse(File.ReadAllText(path), path);
        }
        catch (HoconException e)
        {
            throw new BadInputException(e.Message, e);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new BadInputException($"settings file {path} is not there", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException($"settings file {path} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>A file that comes with the program.</summary>
    public static HoconDocument Embedded(string name)
    {
        using var stream = typeof(SettingsFile).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"{name} is not embedded");
        using var reader = new StreamReader(stream);
        return HoconDocument.Parse(reader.ReadToEnd(), name);
    }

    /// <summary>Validates layers of settings.</summary>
    /// <exception cref="BadInputException">There are faults; the message holds them all, one a line.</exception>
    public static SettingsResult Validate(IReadOnlyList<HoconDocument> layers)
    {
        var result = NodeSettingsReader.Read(layers);
        return result.Faults.Length == 0 ? result : throw new BadInputException(string.Join('\n', result.Faults));
    }
}
