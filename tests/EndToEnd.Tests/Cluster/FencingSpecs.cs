using System.Diagnostics;
using Npgsql;
using StreamMLOps.Host;
using Xunit.Abstractions;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>Two writers for one learner are impossible to overlook.</summary>
[Collection(ClusterCollection.Name)]
public sealed class FencingSpecs(ClusterServers servers, ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    [ClusterFact]
    public async Task Of_two_clusters_on_one_journal_the_second_writer_is_refused_stops_and_raises_an_alarm()
    {
        // Each node is its own only seed: two clusters that do not know of each other.
        await using var cluster = new TestCluster(servers, output, new TestClusterOptions(Nodes: 2, Seeds: (i, addresses) => [addresses[i]]));
        cluster.Nodes[0].Start();
        await cluster.Until("the first node is up", Patience, () => cluster.Nodes[0].Status is { State: "up", Learner: "running" });
        cluster.Produce();
        await cluster.LearningGoesOn(Patience);
        cluster.Nodes[1].Start();
        await cluster.Until("one of them is refused and says so", Patience, () => cluster.Nodes.Any(n => n.Status is { } s && s.Alarms.Any(a => a.Contains("another writer", StringComparison.Ordinal))));
        var fenced = cluster.Nodes.First(n => n.Status!.Alarms.Any(a => a.Contains("another writer", StringComparison.Ordinal)));
        output.WriteLine($"{fenced.Name}: {fenced.Status!.Alarms[0]}");
        Assert.Contains(cluster.Learner, fenced.Status!.Alarms[0]);
        Assert.Contains(fenced.History.SelectMany(life => life), s => s.Learner == "fenced");

        // The person stops one of the two; the other goes on, and nothing was learned twice.
        await fenced.Kill();
        await cluster.LearningGoesOn(Patience);
        await ClusterPromises.Hold(cluster);
    }

    [ClusterFact]
    public async Task A_writer_that_falls_silent_in_the_middle_of_an_event_does_not_hold_up_the_next_one()
    {
        var journal = await PostgresJournal.Open(servers.Postgres.ConnectionStringOf(servers.Postgres.CreateDatabase()), output.WriteLine, CancellationToken.None);
        await using var silent = new NpgsqlConnection(journal.ConnectionString);
        await silent.OpenAsync();
        await using (var make = new NpgsqlCommand("create table events (number bigint primary key)", silent)) await make.ExecuteNonQueryAsync();
        await using var transaction = await silent.BeginTransactionAsync();
        await using (var write = new NpgsqlCommand("insert into events values (1)", silent, transaction)) await write.ExecuteNonQueryAsync();

        // As after a cut of the network: the server has the connection still, and nothing comes through it.
        var clock = Stopwatch.StartNew();
        await using var next = new NpgsqlConnection(journal.ConnectionString);
        await next.OpenAsync();
        await using (var write = new NpgsqlCommand("insert into events values (1)", next)) await write.ExecuteNonQueryAsync();
        output.WriteLine($"written after {clock.Elapsed.TotalSeconds:0.0} s");
        Assert.InRange(clock.Elapsed, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(15));
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => transaction.CommitAsync());
    }

    [ClusterFact]
    public async Task A_journal_in_a_file_is_for_one_node_and_a_second_one_is_refused()
    {
        await using var cluster = new TestCluster(servers, output, new TestClusterOptions(Nodes: 2, Sqlite: true));
        cluster.Nodes[0].Start();
        await cluster.Until("the first node is up", Patience, () => cluster.Nodes[0].Status is { State: "up" });
        cluster.Nodes[1].Start();
        Assert.Equal(2, await cluster.Nodes[1].Life.Exit(Patience));
        var line = Assert.Single(cluster.Nodes[1].Life.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(cluster.Nodes[0].Address, line);
        Assert.Contains("provider = postgresql", line);
        await cluster.Until("the first node goes on alone", Patience, () => cluster.Nodes[0].Status is { State: "up", Members: 1, Learner: "running" });
        await cluster.Nodes[0].Leave();
    }
}
