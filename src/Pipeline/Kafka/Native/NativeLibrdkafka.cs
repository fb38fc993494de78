using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Binds the librdkafka that comes with this program. Its plain Linux build needs a libsasl2 that Debian does not have; .NET then takes
/// a librdkafka of the system, if there is one, whose version lacks functions that Confluent.Kafka calls later. So the bundled
/// builds are tried by absolute path, and nothing else.
/// </summary>
public static class NativeLibrdkafka
{
    internal const string Name = "librdkafka";

    /// <summary>Version of the library that is bound, as it says itself: <c>2.16.0</c>.</summary>
    public static string Version => Confluent.Kafka.Library.VersionString;

    /// <summary>File of the library that is bound; null where the system's loader chose (Windows, or nothing bundled).</summary>
    public static string? Path { get; private set; }

    [ModuleInitializer]
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA2255", Justification = "The library must be bound before the first call of Confluent.Kafka, wherever it is made.")]
    internal static void Bind()
    {
        NativeLibrary.SetDllImportResolver(typeof(Confluent.Kafka.Library).Assembly, Resolve);
        NativeLibrary.SetDllImportResolver(typeof(NativeLibrdkafka).Assembly, Resolve);
    }

    private static nint Resolve(string library, Assembly assembly, DllImportSearchPath? path)
    {
        if (library != Name) return 0;
        foreach (var file in Candidates())
        {
            if (!File.Exists(file) || !NativeLibrary.TryLoad(file, out var handle)) continue;
            Path = file;
            return handle;
        }
        return 0;
    }

    /// <summary>The bundled builds, beside the program (published for one platform) or in its <c>runtimes</c> folder.</summary>
    private static IEnumerable<string> Candidates()
    {
        if (OperatingSystem.IsWindows()) yield break; // its loader finds the bundled one, and the libraries that one needs
        var mac = OperatingSystem.IsMacOS();
        var platform = $"{(mac ? "osx" : "linux")}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";
        string[] names = mac ? ["librdkafka.dylib"] : ["librdkafka.so", "centos8-librdkafka.so", "alpine-librdkafka.so"];
        string[] folders = [System.IO.Path.Combine(AppContext.BaseDirectory, "runtimes", platform, "native"), AppContext.BaseDirectory];
        foreach (var folder in folders)
            foreach (var name in names)
                yield return System.IO.Path.Combine(folder, name);
    }
}
