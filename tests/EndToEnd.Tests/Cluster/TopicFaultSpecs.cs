using System.Diagnostics;
using System.Text;
using Confluent.Kafka;
using StreamMLOps.Tests;
using Xunit.Abstractions;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>A topic or broker that is not what it was: a loud, named error in the node's state, and nothing skipped in silence. One node, its journal a file.</summary>
[Collection(ClusterCollection.Name)]
public sealed class TopicFaultSpecs(ClusterServers servers, ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [ClusterFact]
    public async Task A_broker_that_is_not_there_at_the_start_is_named_and_waited_for()
    {
        await using var cluster = Single();
        servers.Broker.Down();
        try
        {
            cluster.Nodes[0].Start();
            await cluster.Until("the node says which brokers do not answer, and what to check", Patience, () =>
                cluster.Nodes[0].Status is { Learner: "waiting-for-source" } s && s.LearnerDetail.Contains(servers.Broker.BootstrapServers, StringComparison.Ordinal) && s.LearnerDetail.Contains("Check", StringComparison.Ordinal));
        }
        finally
        {
            servers.Broker.Up();
        }
        cluster.Produce();
        await cluster.Until("rows are scored and learned", Patience, () => cluster.Nodes[0].Status is { Score: "running", Learner: "running", RowsLearned: > 0 });
    }

    [ClusterFact]
    public async Task A_topic_that_grows_is_scored_and_that_the_new_rows_are_not_learned_is_an_alarm()
    {
        await using var cluster = Single();
        cluster.Nodes[0].Start();
        cluster.Produce();
        await cluster.Until("rows are learned", Patience, () => cluster.Nodes[0].Status is { RowsLearned: > 0 });
        servers.Broker.Grow(cluster.Topic, 2);
        await Write(cluster.Topic, 1, 10);
        await cluster.Until("the alarm is raised", Patience, () => cluster.Nodes[0].Status!.Alarms.Any(a => a.Contains("rows of partition 1 are scored and not learned", StringComparison.Ordinal)));
        output.WriteLine(cluster.Nodes[0].Status!.LearnerDetail);
        await cluster.Until("its rows have predictions", Patience, () => cluster.Predictions.Seen.Count(s => s.Prediction.Partition == 1) >= 10);
        var learned = cluster.Nodes[0].Status!.RowsLearned;
        await cluster.Until("learning of the others goes on", Patience, () => cluster.Nodes[0].Status!.RowsLearned > learned);
    }

    [ClusterFact]
    public async Task A_topic_that_is_deleted_and_made_again_is_refused_by_name()
    {
        await using var cluster = Single();
        cluster.Nodes[0].Start();
        cluster.Produce();
        await cluster.Until("rows are learned", Patience, () => cluster.Nodes[0].Status is { RowsLearned: > 0 });
        cluster.Rows.Finish();
        await cluster.Nodes[0].Leave();
        servers.Broker.Delete(cluster.Topic);
        await cluster.Until("the topic is gone", Patience, () => !PlainConsumer.Exists(servers.Broker, cluster.Topic));

        cluster.Nodes[0].Start();
        await cluster.Until("the node says that it is not there", Patience, () => cluster.Nodes[0].Status is { Score: "refused" } s && s.ScoreDetail.Contains($"{cluster.Topic} is not there", StringComparison.Ordinal));
        await cluster.Nodes[0].Leave();

        await Write(cluster.Topic, 0, 1); // which makes it
        cluster.Nodes[0].Start();
        await cluster.Until("both legs refuse to go on in another log", Patience, () =>
            cluster.Nodes[0].Status is { Score: "refused", Learner: "refused" } s && s.ScoreDetail.Contains("made again", StringComparison.Ordinal) && s.LearnerDetail.Contains("made again", StringComparison.Ordinal));
        output.WriteLine(cluster.Nodes[0].Status!.ScoreDetail);
        await cluster.Nodes[0].Leave();
    }

    private TestCluster Single() => new(servers, output, new TestClusterOptions(Nodes: 1, OnePartition: true, Sqlite: true, Seeds: (_, _) => []));

    private async Task Write(string topic, int partition, int rows)
    {
        using var producer = new ProducerBuilder<Null, byte[]>(new Dictionary<string, string>(servers.Broker.KafkaClients) { ["bootstrap.servers"] = servers.Broker.BootstrapServers, ["topic.metadata.refresh.interval.ms"] = "500" })
            .SetLogHandler((_, _) => { }).Build();
        var clock = Stopwatch.StartNew();
        for (var row = 0; row < rows; row++)
        {
            var message = new Message<Null, byte[]> { Value = Encoding.UTF8.GetBytes(SyntheticRows.SvmLight(row, row + 1).TrimEnd('\n')) };
            while (true)
            {
                try
                {
                    await producer.ProduceAsync(new TopicPartition(topic, partition), message).WaitAsync(Patience);
                    break;
                }
                catch (ProduceException<Null, byte[]> e) when (e.Error.Code == ErrorCode.Local_UnknownPartition && clock.Elapsed < Patience)
                {
                    // A partition that was just added: the broker tells of it a little later, and the client asks again only after its time.
                    await Task.Delay(100);
                }
            }
        }
    }
}
