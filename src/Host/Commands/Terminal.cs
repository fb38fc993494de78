using Spectre.Console;

namespace StreamMLOps.Host;

/// <summary>Where a command reads and writes.</summary>
/// <param name="Out">Results.</param>
/// <param name="Error">Errors, one clear line each.</param>
/// <param name="In">Standard input.</param>
/// <param name="Live">The terminal where one is there to draw on, else null.</param>
public sealed record Terminal(TextWriter Out, TextWriter Error, TextReader In, IAnsiConsole? Live)
{
    /// <summary>The process's own.</summary>
    public static Terminal Standard() => new(Console.Out, Console.Error, Console.In,
        Console.IsOutputRedirected || Environment.GetEnvironmentVariable("TERM") is null or "" or "dumb" ? null : AnsiConsole.Console);
}
