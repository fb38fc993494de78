using System.Globalization;

namespace StreamMLOps.Pipeline;

/// <summary>
/// The ledger of a partition as the text that Kafka keeps beside a commit, so that totals survive wherever the partition goes:
/// <code>streammlops/1 00000000000000ff 290 7 3</code>
/// (epoch; predicted, dead-lettered and skipped below the offset).
/// </summary>
internal static class CommitMetadata
{
    private const string Format = "streammlops/1";

    public static string Write(CommittedPartition c) =>
        string.Create(CultureInfo.InvariantCulture, $"{Format} {c.Position.Epoch:x16} {c.Predicted} {c.DeadLettered} {c.Skipped}");

    /// <summary>The ledger; null where the commit was made by something else (a tool that reset the group, for one).</summary>
    public static CommittedPartition? Read(int partition, long offset, string metadata)
    {
        var parts = metadata.Split(' ');
        return parts.Length == 5 && parts[0] == Format
            && ulong.TryParse(parts[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var epoch)
            && long.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var predicted)
            && long.TryParse(parts[3], NumberStyles.None, CultureInfo.InvariantCulture, out var deadLettered)
            && long.TryParse(parts[4], NumberStyles.None, CultureInfo.InvariantCulture, out var skipped)
            ? new CommittedPartition(new PartitionPosition(partition, epoch, offset), predicted, deadLettered, skipped)
            : null;
    }
}
