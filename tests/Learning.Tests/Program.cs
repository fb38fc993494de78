using StreamMLOps.Learning.Tests.Models;

namespace StreamMLOps.Learning.Tests;

/// <summary>
/// What the tests run as a child process: <c>hashes</c> prints each variant and the hash of what it learned; <c>torn</c> those that <see cref="LifetimeTests"/> finds; <c>golden FOLDER</c>
/// writes the golden states that are missing there, for a new kind or a new revision.
/// </summary>
internal static class Program
{
    /// <summary>A line for each variant, and one for the parser.</summary>
    public static IEnumerable<string> Hashes()
    {
        foreach (var variant in ModelVariants.All) yield return $"{variant.Name} {variant.HashAfter(600)}";
        yield return $"svmlight {ProbeStream.ParsedTextHash(600)}";
    }

    private static int Main(string[] args)
    {
        switch (args)
        {
            case ["hashes"]:
                foreach (var line in Hashes()) Console.WriteLine(line);
                return 0;
            case ["torn"]:
                foreach (var name in LifetimeTests.Torn()) Console.WriteLine(name);
                return 0;
            case ["golden", var folder]:
                GoldenStates.WriteMissing(folder);
                return 0;
            default:
                Console.Error.WriteLine("usage: hashes | torn | golden FOLDER");
                return 2;
        }
    }
}
