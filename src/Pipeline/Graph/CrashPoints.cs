using System.Diagnostics;
using System.Globalization;

namespace StreamMLOps.Pipeline;

/// <summary>
/// The moments at which a crash would hurt if anything could, by name: a spec sets <c>STREAMMLOPS_CRASH=NAME:N</c>, and the process kills
/// itself (SIGKILL, nothing is cleaned up) when it passes the point for the N-th time. Without it a point costs a comparison.
/// </summary>
public static class CrashPoints
{
    private static readonly (string Name, long Left) Armed = Read(Environment.GetEnvironmentVariable("STREAMMLOPS_CRASH"));
    private static long _left = Armed.Left;

    /// <summary>Those of scoring and learning.</summary>
    public static IReadOnlyList<string> All { get; } = [AfterPersist, AfterProduce, AfterPending, InSnapshot, InCheckpoint, AfterCheckpoint];

    /// <summary>Those of the writer of alerts, which a pipeline without alerts never passes.</summary>
    public static IReadOnlyList<string> OfAlerts { get; } = [BeforeAlerts, AfterAlerts, AfterAlertPosition];

    /// <summary>Those of scoring with <c>delivery = exactly-once</c>.</summary>
    public static IReadOnlyList<string> OfTransactions { get; } = [AfterProduce, InTransaction];

    /// <summary>An event is in the journal; replicas have not heard of it, and nothing after it has been sealed.</summary>
    public const string AfterPersist = "after-persist";

    /// <summary>Predictions are in their sink (in a transaction: handed to its client, which may not have sent them); their offsets are not committed.</summary>
    public const string AfterProduce = "after-produce";

    /// <summary>The offsets of a transaction are at the brokers, and what was written in it mostly too; it has not ended.</summary>
    public const string InTransaction = "in-transaction";

    /// <summary>Rows are in the pending store, and what was decided about them is sealed; the event is not in the journal.</summary>
    public const string AfterPending = "after-pending";

    /// <summary>The pending store's checkpoint has begun; the snapshot of the state is not written.</summary>
    public const string InSnapshot = "in-snapshot";

    /// <summary>The pending store's checkpoint is under way, and learning has gone on.</summary>
    public const string InCheckpoint = "in-checkpoint";

    /// <summary>The pending store's checkpoint is written; those before it are still there.</summary>
    public const string AfterCheckpoint = "after-checkpoint";

    /// <summary>Alerts follow from events that were applied; none of them is written.</summary>
    public const string BeforeAlerts = "before-alerts";

    /// <summary>Alerts are in their log (in a transaction: sent); that they are is not remembered.</summary>
    public const string AfterAlerts = "after-alerts";

    /// <summary>Alerts are in their log, and it is remembered.</summary>
    public const string AfterAlertPosition = "after-alert-position";

    /// <summary>The program is at this point.</summary>
    public static void Pass(string name)
    {
        if (_left == 0 || !string.Equals(name, Armed.Name, StringComparison.Ordinal)) return;
        if (Interlocked.Decrement(ref _left) == 0) Process.GetCurrentProcess().Kill();
    }

    private static (string Name, long Left) Read(string? armed) =>
        armed?.Split(':') is [var name, var count] && long.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? (name, n) : ("", 0);
}
