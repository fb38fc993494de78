namespace StreamMLOps.Pipeline.Tests;

/// <summary>librdkafka's mock cluster in this process.</summary>
public sealed class MockBroker : TestBroker, IDisposable
{
    private readonly MockCluster _cluster = new();

    public MockBroker() => _cluster.InitialRebalanceDelay = TimeSpan.FromMilliseconds(100);

    public MockCluster Cluster => _cluster;

    public override string BootstrapServers => _cluster.BootstrapServers;

    public override string CreateTopic()
    {
        var name = NewName();
        _cluster.CreateTopic(name, 4);
        return name;
    }

    public override void Down() => _cluster.Down();

    public override void Up() => _cluster.Up();

    public void Dispose() => _cluster.Dispose();
}
