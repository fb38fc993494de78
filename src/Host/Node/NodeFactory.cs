namespace StreamMLOps.Host;

/// <summary>Nodes of actors.</summary>
public sealed class NodeFactory : INodeFactory
{
    public Task<INode> Start(NodeOptions options, CancellationToken cancellation) => throw new NotImplementedException();

    public Task<IJournal> Open(NodeOptions options, CancellationToken cancellation) => throw new NotImplementedException();
}
