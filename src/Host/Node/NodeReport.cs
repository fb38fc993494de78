using System.Text;
using System.Text.Json;
using StreamMLOps.Actors;

namespace StreamMLOps.Host;

/// <summary>A node and its pipelines as one JSON object a line, for programs; docs/cluster.md has every field.</summary>
internal static class NodeReport
{
    public static async Task<string> Json(ClusterNode node, bool leaving)
    {
        var statuses = await Task.WhenAll(node.Pipelines.Select(p => p.Status())).ConfigureAwait(false);
        var (member, members, unreachable) = node.Membership;
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("time", DateTime.UtcNow); // ISO 8601
            json.WriteString("node", node.Address);
            json.WriteString("state", leaving ? "leaving" : Kebab(member.ToString()));
            json.WriteNumber("members", members);
            json.WriteNumber("unreachable", unreachable);
            json.WriteString("journal", node.Journal);
            json.WriteNumber("memory", Environment.WorkingSet);
            json.WriteStartArray("pipelines");
            for (var i = 0; i < statuses.Length; i++) Write(json, node.Pipelines[i], statuses[i], node.Alarms);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    private static void Write(Utf8JsonWriter json, PipelineRuntime pipeline, PipelineStatus status, Alarms alarms)
    {
        var learner = status.Learner;
        json.WriteStartObject();
        json.WriteString("name", pipeline.Parts.Learner.Name);
        json.WriteString("score", Kebab(status.Score.State.ToString()));
        json.WriteString("score-detail", status.Score.Detail);
        json.WriteString("learner", Kebab(learner.State.ToString()));
        json.WriteString("learner-node", learner.Node);
        json.WriteString("learner-detail", learner.Detail);
        json.WriteNumber("version", learner.Version.Sequence);
        json.WriteNumber("rows-learned", learner.Rows);
        json.WriteNumber("replica-version", status.ReplicaSequence);
        json.WriteString("replica-fingerprint", pipeline.Replica.Read(f => f?.Learner.Fingerprint.ToString("x16", System.Globalization.CultureInfo.InvariantCulture) ?? ""));
        json.WriteNumber("stale-events", status.StaleEvents);
        json.WriteNumber("stale-ms", (long)status.StaleFor.TotalMilliseconds);
        json.WriteNumber("scored", pipeline.Clocks.Predict.Rows);
        json.WriteNumber("backlog", status.Backlog);
        json.WriteStartObject("replica-lag-ms");
        var (p50, p99) = pipeline.Replica.Lag;
        if (!double.IsNaN(p50))
        {
            json.WriteNumber("p50", p50);
            json.WriteNumber("p99", p99);
        }
        json.WriteEndObject();
        json.WriteStartArray("committed");
        foreach (var c in status.Score.Committed)
        {
            json.WriteStartObject();
            json.WriteNumber("partition", c.Position.Partition);
            json.WriteNumber("start", c.Start);
            json.WriteNumber("next", c.Position.Next);
            json.WriteNumber("predicted", c.Predicted);
            json.WriteNumber("dead-lettered", c.DeadLettered);
            json.WriteNumber("skipped", c.Skipped);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("ledger");
        foreach (var p in learner.Partitions)
        {
            json.WriteStartObject();
            json.WriteNumber("partition", p.Partition);
            json.WriteNumber("start", p.Start);
            json.WriteNumber("next", p.Next);
            json.WriteNumber("learned", p.Learned);
            json.WriteNumber("unlabelled", p.Unlabelled);
            json.WriteNumber("dead-lettered", p.DeadLettered);
            json.WriteNumber("skipped", p.Skipped);
            json.WriteNumber("frozen", p.Frozen);
            json.WriteNumber("expired", p.Expired);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        QualityReport.Write(json, "progressive", status.Progressive);
        QualityReport.Write(json, "served", status.Served);
        if (pipeline.Parts.Learner.Alerts?.Status is { } written)
        {
            json.WriteStartObject("alerts");
            json.WriteNumber("written", written.Written);
            json.WriteNumber("through", written.Through);
            json.WriteString("trouble", written.Trouble);
            json.WriteEndObject();
        }
        json.WriteStartArray("alarms");
        foreach (var alarm in alarms.All) json.WriteStringValue(alarm);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    // WaitingForDatabase: waiting-for-database
    private static string Kebab(string name) => string.Concat(name.Select((c, i) => char.IsUpper(c) ? (i == 0 ? "" : "-") + char.ToLowerInvariant(c) : c.ToString()));
}
