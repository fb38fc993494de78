using System.Diagnostics.Metrics;

namespace StreamMLOps.Actors;

/// <summary>The learner's ledger with the meter <c>StreamMLOps</c>, whenever a node looks at a pipeline's status.</summary>
internal static class LedgerMeter
{
    private static readonly Meter Meter = new("StreamMLOps");
    private static readonly Gauge<long> Records = Meter.CreateGauge<long>("streammlops.ledger", "{record}", "Records of a log (rows, labels) and partition by what became of them.");
    private static readonly Gauge<long> Remainders = Meter.CreateGauge<long>("streammlops.ledger.remainder", "{record}", "Records that are nowhere: anything but 0 is an alarm.");

    public static void Record(string pipeline, LearnerStatus learner)
    {
        foreach (var r in learner.Partitions)
            Record(pipeline, "rows", r.Partition, r.Remainder, ("learned", r.Learned), ("waiting", r.Waiting), ("unlabelled", r.Unlabelled), ("expired", r.Expired), ("frozen", r.Frozen), ("duplicate", r.Duplicate), ("dead-lettered", r.DeadLettered), ("skipped", r.Skipped));
        foreach (var l in learner.Labels)
            Record(pipeline, "labels", l.Partition, l.Remainder, ("learned", l.Learned), ("waiting", l.Waiting), ("orphans", l.Orphans), ("late", l.Late), ("duplicate", l.Duplicate), ("contradictory", l.Contradictory), ("corrected", l.Corrected), ("frozen", l.Frozen), ("dead-lettered", l.DeadLettered), ("skipped", l.Skipped), ("early", l.Early));
    }

    private static void Record(string pipeline, string log, int partition, long remainder, params ReadOnlySpan<(string End, long Count)> ends)
    {
        var (p, l, n) = (new KeyValuePair<string, object?>("pipeline", pipeline), new KeyValuePair<string, object?>("log", log), new KeyValuePair<string, object?>("partition", partition));
        Remainders.Record(remainder, p, l, n);
        if (!Records.Enabled) return;
        foreach (var (end, count) in ends) Records.Record(count, p, l, n, new("end", end));
    }
}
