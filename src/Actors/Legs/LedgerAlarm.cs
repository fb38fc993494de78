using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>Alerts of ledgers that do not balance, whenever a node looks at a pipeline's status.</summary>
internal static class LedgerAlarm
{
    public static void Look(AlertFeed? alerts, LearnerStatus learner, IReadOnlyList<LedgerLine> lines)
    {
        if (alerts is null) return;
        foreach (var p in learner.Partitions) Look(alerts, "ledger-remainder", p.Partition, p.Next, p.Remainder, "rows");
        foreach (var l in learner.Labels) Look(alerts, "label-ledger-remainder", l.Partition, l.Next, l.Remainder, "labels");
        foreach (var l in lines)
            if (learner.Partitions.Any(p => p.Partition == l.Partition)) Look(alerts, "score-ledger-remainder", l.Partition, l.Consumed, l.ScoreRemainder, "scored records");
    }

    private static void Look(AlertFeed alerts, string kind, int partition, long at, long remainder, string what)
    {
        if (remainder != 0) alerts.Raise(kind, partition, at, FormattableString.Invariant($"{remainder} {what} of partition {partition} are unaccounted for: run streammlops ledger and verify"));
        else alerts.Clear(kind, partition, FormattableString.Invariant($"the {what} of partition {partition} are all accounted for again"));
    }
}
