using System.Globalization;

namespace StreamMLOps.Pipeline;

/// <summary>
/// The ledger of a partition as the text that Kafka keeps beside a commit, so that totals survive wherever the partition goes:
/// <code>streammlops/2 00000000000000ff 290 7 3 200</code>
/// (epoch; predicted, dead-lettered and skipped below the offset; the offset where the counts begin, which format 1 lacks).
/// </summary>
internal static class CommitMetadata
{
    private const string Format = "streammlops/2";
    private const string FormatWithoutStart = "streammlops/1";

    public static string Write(CommittedPartition c) =>
        string.Create(CultureInfo.InvariantCulture, $"{Format} {c.Position.Epoch:x16} {c.Predicted} {c.DeadLettered} {c.Skipped} {c.Start}");

    /// <summary>The ledger; null where the commit was made by something else (a tool that reset the group, for one).</summary>
    public static CommittedPartition? Read(int partition, long offset, string metadata)
    {
        var parts = metadata.Split(' ');
        if (parts is not ([Format, _, _, _, _, _] or [FormatWithoutStart, _, _, _, _])) return null;
        var start = 0L;
        if (parts is [_, _, _, _, _, var from] && !long.TryParse(from, NumberStyles.None, CultureInfo.InvariantCulture, out start)) return null;
        var ledger =
            ulong.TryParse(parts[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var epoch)
            && long.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var predicted)
            && long.TryParse(parts[3], NumberStyles.None, CultureInfo.InvariantCulture, out var deadLettered)
            && long.TryParse(parts[4], NumberStyles.None, CultureInfo.InvariantCulture, out var skipped)
            ? new CommittedPartition(new PartitionPosition(partition, epoch, offset), predicted, deadLettered, skipped)
            : null;
        return ledger is not null && parts.Length == 6 ? ledger with { Start = start } : ledger;
    }
}
