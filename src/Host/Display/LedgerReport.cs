using System.Globalization;
using System.Text;
using System.Text.Json;
using StreamMLOps.Actors;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>What a pipeline's group committed.</summary>
/// <param name="Committed">Position and ledger by partition; partitions that never committed are left out.</param>
/// <param name="Unknown">Why it is not known, for people; empty where it is.</param>
internal sealed record ScoredSide(IReadOnlyList<CommittedPartition> Committed, string Unknown = "");

/// <summary>A ledger for people and for programs: by partition, what each record became, and what is left over, which must be nothing.</summary>
internal static class LedgerReport
{
    /// <summary>Whether every record is somewhere, on both sides.</summary>
    public static bool Balances(LearnerLedger ledger, ScoredSide scored) =>
        ledger.Balances && ledger.Rows.All(r => Committed(r, scored) is not { } c || c.Remainder == 0);

    /// <summary>Some lines a partition.</summary>
    public static string Text(LearnerLedger ledger, ScoredSide scored)
    {
        var text = new StringBuilder($"{ledger.Pipeline}, version {ledger.Version}: {(!Balances(ledger, scored) ? "DOES NOT BALANCE" : scored.Unknown.Length > 0 ? "the learned side balances, the scored side is not known" : "balances")}");
        if (scored.Unknown.Length > 0) text.Append(CultureInfo.InvariantCulture, $"\n  scored: not known: {scored.Unknown}");
        foreach (var r in ledger.Rows)
        {
            if (Committed(r, scored) is { } c) Line(text, $"scored, partition {r.Partition}{From(c.Start)}, committed at {Figures.Count(c.Position.Next)}", c.Position.Next - c.Start, c.Remainder, ("predicted", c.Predicted), ("dead-lettered", c.DeadLettered), ("skipped", c.Skipped));
            else if (scored.Unknown.Length == 0) text.Append(CultureInfo.InvariantCulture, $"\n  scored, partition {r.Partition}: no commit of this log that carries a ledger");
            Line(text, $"rows, partition {r.Partition}{From(r.Start)}", r.Next - r.Start, r.Remainder, RowsOf(r));
        }
        foreach (var l in ledger.Labels) Line(text, $"labels, partition {l.Partition}{From(l.Start)}", l.Next - l.Start, l.Remainder, LabelsOf(l));
        return text.ToString();
    }

    /// <summary>One JSON object.</summary>
    public static string Json(LearnerLedger ledger, ScoredSide scored)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("pipeline", ledger.Pipeline);
            json.WriteString("version", ledger.Version.ToString());
            json.WriteBoolean("balances", Balances(ledger, scored));
            if (scored.Unknown.Length > 0) json.WriteString("scored-unknown", scored.Unknown);
            json.WriteStartArray("scored");
            foreach (var r in ledger.Rows)
                if (Committed(r, scored) is { } c) Write(json, r.Partition, c.Position.Next - c.Start, c.Remainder, ("start", c.Start), ("next", c.Position.Next), ("predicted", c.Predicted), ("dead-lettered", c.DeadLettered), ("skipped", c.Skipped));
            json.WriteEndArray();
            json.WriteStartArray("rows");
            foreach (var r in ledger.Rows) Write(json, r.Partition, r.Next - r.Start, r.Remainder, [("start", r.Start), .. RowsOf(r)]);
            json.WriteEndArray();
            json.WriteStartArray("labels");
            foreach (var l in ledger.Labels) Write(json, l.Partition, l.Next - l.Start, l.Remainder, [("start", l.Start), .. LabelsOf(l), ("early", l.Early)]);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    private static (string, long)[] RowsOf(PartitionLedger r) =>
    [
        ("learned", r.Learned), ("waiting", r.Waiting), ("unlabelled", r.Unlabelled), ("expired", r.Expired), ("frozen", r.Frozen), ("duplicate", r.Duplicate), ("dead-lettered", r.DeadLettered), ("skipped", r.Skipped),
    ];

    private static (string, long)[] LabelsOf(LabelLedger l) =>
    [
        ("learned", l.Learned), ("waiting", l.Waiting), ("orphans", l.Orphans), ("late", l.Late), ("duplicate", l.Duplicate), ("contradictory", l.Contradictory), ("corrected", l.Corrected), ("frozen", l.Frozen),
        ("dead-lettered", l.DeadLettered), ("skipped", l.Skipped),
    ];

    // Another epoch is another log: its commits say nothing of this lineage.
    private static CommittedPartition? Committed(PartitionLedger r, ScoredSide scored) =>
        scored.Committed.FirstOrDefault(c => c.Position.Partition == r.Partition && c.Position.Epoch == r.Epoch);

    // Legs may begin at different records; nearly always both do at the log's first.
    private static string From(long start) => start == 0 ? "" : $" from {Figures.Count(start)}";

    private static void Line(StringBuilder text, string what, long sum, long remainder, params (string Name, long Count)[] parts)
    {
        text.Append(CultureInfo.InvariantCulture, $"\n  {what}: {Figures.Count(sum)} = {string.Join(" + ", parts.Where(p => p.Count > 0).Select(p => $"{Figures.Count(p.Count)} {p.Name}").DefaultIfEmpty("0"))}");
        if (remainder != 0) text.Append(CultureInfo.InvariantCulture, $"; {remainder} LEFT OVER");
    }

    private static void Write(Utf8JsonWriter json, int partition, long sum, long remainder, params (string Name, long Count)[] parts)
    {
        json.WriteStartObject();
        json.WriteNumber("partition", partition);
        json.WriteNumber("records", sum);
        json.WriteNumber("remainder", remainder);
        foreach (var (name, count) in parts) json.WriteNumber(name, count);
        json.WriteEndObject();
    }
}
