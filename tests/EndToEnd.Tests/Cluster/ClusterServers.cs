using StreamMLOps.Pipeline.Tests;
using StreamMLOps.Tests;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>One PostgreSQL and one real broker for all specs of the cluster; each spec has a database and topics of its own.</summary>
public sealed class ClusterServers : IDisposable
{
    public ClusterServers() : this("127.0.0.1")
    {
    }

    /// <param name="host">Address of this machine that both listen on.</param>
    internal ClusterServers(string host)
    {
        Postgres = new PostgresServer(host);
        Broker = new RealBroker(host);
    }

    public PostgresServer Postgres { get; }

    public RealBroker Broker { get; }

    public void Dispose()
    {
        Broker.Dispose();
        Postgres.Dispose();
    }
}

/// <summary>The specs that share <see cref="ClusterServers"/>, one after the other: some of them stop a server.</summary>
[CollectionDefinition(Name)]
public sealed class ClusterCollection : ICollectionFixture<ClusterServers>
{
    public const string Name = "cluster";
}

/// <summary>A fact that <c>tests/chaos.sh</c> runs with all its rounds; the gate has <see cref="ClusterSpecs"/>, which does each of these things once.</summary>
public sealed class ChaosFactAttribute : FactAttribute
{
    public ChaosFactAttribute() => Skip = Environment.GetEnvironmentVariable("STREAMMLOPS_CHAOS") is null
        ? "tests/chaos.sh runs it, with all its rounds; ClusterSpecs does the same once"
        : new ClusterFactAttribute().Skip;
}

/// <summary>A fact that needs PostgreSQL and a broker that it may stop, reported as skipped with the reason where one is absent.</summary>
public sealed class ClusterFactAttribute : FactAttribute
{
    public ClusterFactAttribute() => Skip = PostgresServer.SkipReason ?? RealBroker.SkipReason ?? RealBroker.NotOwned;
}
