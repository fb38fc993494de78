using System.Text.Json;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>What a node said of itself: one line of <c>streammlops node --json</c>, with one pipeline.</summary>
/// <param name="Committed">By partition that the node scores: next offset of the group and rows predicted.</param>
/// <param name="Ledger">By partition: next offset of the learner.</param>
internal sealed record NodeStatus(
    string Node,
    string State,
    int Members,
    long Memory,
    string Journal,
    string Score,
    string ScoreDetail,
    string Learner,
    string LearnerDetail,
    string LearnerNode,
    long Version,
    long ReplicaVersion,
    string ReplicaFingerprint,
    long RowsLearned,
    IReadOnlyDictionary<int, (long Next, long Predicted)> Committed,
    IReadOnlyDictionary<int, long> Ledger,
    IReadOnlyList<string> Alarms)
{
    public static NodeStatus? TryParse(string line)
    {
        if (!line.StartsWith('{')) return null;
        try
        {
            using var document = JsonDocument.Parse(line);
            var node = document.RootElement;
            var pipeline = node.GetProperty("pipelines")[0];
            return new NodeStatus(
                Text(node, "node"),
                Text(node, "state"),
                node.GetProperty("members").GetInt32(),
                node.GetProperty("memory").GetInt64(),
                Text(node, "journal"),
                Text(pipeline, "score"),
                Text(pipeline, "score-detail"),
                Text(pipeline, "learner"),
                Text(pipeline, "learner-detail"),
                Text(pipeline, "learner-node"),
                pipeline.GetProperty("version").GetInt64(),
                pipeline.GetProperty("replica-version").GetInt64(),
                Text(pipeline, "replica-fingerprint"),
                pipeline.GetProperty("rows-learned").GetInt64(),
                pipeline.GetProperty("committed").EnumerateArray().ToDictionary(
                    c => c.GetProperty("partition").GetInt32(), c => (c.GetProperty("next").GetInt64(), c.GetProperty("predicted").GetInt64())),
                pipeline.GetProperty("ledger").EnumerateArray().ToDictionary(p => p.GetProperty("partition").GetInt32(), p => p.GetProperty("next").GetInt64()),
                [.. pipeline.GetProperty("alarms").EnumerateArray().Select(a => a.GetString()!)]);
        }
        catch (JsonException)
        {
            return null; // cut off by a kill
        }
    }

    private static string Text(JsonElement parent, string name) => parent.GetProperty(name).GetString()!;
}
