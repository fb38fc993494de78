using System.Data.Common;

namespace StreamMLOps.Actors;

/// <summary>
/// Two writers for one learner: the journal's unique index on (persistence id, sequence number) lets the first one through and refuses
/// the second.
/// </summary>
internal static class Fencing
{
    private const string UniqueViolation = "23505"; // SQLSTATE

    /// <summary>How long the loser keeps still before it recovers and tries again: a node that was cut off is gone by then.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    /// <summary>Whether a write failed because another writer had written that sequence number.</summary>
    public static bool IsRefusal(Exception cause)
    {
        for (var e = cause; e is not null; e = e.InnerException)
        {
            if (e is DbException { SqlState: UniqueViolation }) return true;
            // SQLite's provider gives no SQLSTATE.
            if (e is DbException && e.Message.Contains("UNIQUE constraint failed", StringComparison.Ordinal)) return true;
            if (e is AggregateException many && many.InnerExceptions.Any(IsRefusal)) return true;
        }
        return false;
    }
}
