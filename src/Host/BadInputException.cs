namespace StreamMLOps.Host;

/// <summary>Input that cannot be used as it is; the message says what is wrong, where, and what to do. It ends the command with <see cref="ExitStatus.BadInput"/>.</summary>
public sealed class BadInputException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>How a command ended, for scripts. The help text of the command line lists them.</summary>
public static class ExitStatus
{
    public const int Ok = 0;

    /// <summary>An audit or a verification found a difference.</summary>
    public const int Differs = 1;

    public const int BadInput = 2;

    /// <summary>Some predictions could not be audited as their rows are kept nowhere any more; all others were identical.</summary>
    public const int FeaturesExpired = 3;

    /// <summary>A failure that is not the input's: report it.</summary>
    public const int Failed = 4;

    /// <summary>Stopped at once by a second Ctrl-C.</summary>
    public const int Interrupted = 130;
}
