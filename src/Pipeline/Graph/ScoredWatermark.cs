using Akka.Streams;
using Akka.Streams.Stage;

namespace StreamMLOps.Pipeline;

/// <summary>
/// How far the score leg has come in each partition, as the learn leg knows it. Monotone, so hints may be late, repeated or out
/// of order. Safe for use by many threads.
/// </summary>
public sealed class ScoredWatermark
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<int, PartitionPosition> _positions = [];
    private Action? _advanced;

    /// <summary>Called, on any thread, after the watermark rose.</summary>
    public event Action Advanced
    {
        add { lock (_lock) _advanced += value; }
        remove { lock (_lock) _advanced -= value; }
    }

    /// <summary>The offset below which the partition's records were scored; 0 for an epoch it has not heard of.</summary>
    public long Below(int partition, ulong epoch)
    {
        lock (_lock) return _positions.TryGetValue(partition, out var p) && p.Epoch == epoch ? p.Next : 0;
    }

    /// <summary>Raises the watermark; a lower position of the same epoch changes nothing.</summary>
    public void Advance(PartitionPosition position)
    {
        Action? advanced;
        lock (_lock)
        {
            if (_positions.TryGetValue(position.Partition, out var known) && known.Epoch == position.Epoch && known.Next >= position.Next) return;
            _positions[position.Partition] = position;
            advanced = _advanced;
        }
        advanced?.Invoke();
    }
}

/// <summary>
/// Holds a chunk back until the score leg is past it, so that no row is learned before it was scored. One chunk waits at most;
/// upstream is not asked for more meanwhile.
/// </summary>
internal sealed class ScoredGate(ScoredWatermark scored) : GraphStage<FlowShape<RawChunk, RawChunk>>
{
    private readonly Inlet<RawChunk> _in = new("scored-gate.in");
    private readonly Outlet<RawChunk> _out = new("scored-gate.out");

    public override FlowShape<RawChunk, RawChunk> Shape => new(_in, _out);

    protected override GraphStageLogic CreateLogic(Attributes inheritedAttributes) => new Logic(this, scored);

    private sealed class Logic : InAndOutGraphStageLogic
    {
        private readonly ScoredGate _stage;
        private readonly ScoredWatermark _scored;
        private readonly Action _advanced;
        private RawChunk? _waiting;

        public Logic(ScoredGate stage, ScoredWatermark scored) : base(stage.Shape)
        {
            _stage = stage;
            _scored = scored;
            _advanced = GetAsyncCallback(Release);
            SetHandler(stage._in, this);
            SetHandler(stage._out, this);
        }

        public override void PreStart() => _scored.Advanced += _advanced;

        public override void PostStop()
        {
            _scored.Advanced -= _advanced;
            _waiting?.Dispose();
        }

        public override void OnPush()
        {
            _waiting = Grab(_stage._in);
            Release();
        }

        public override void OnPull() => Pull(_stage._in);

        public override void OnUpstreamFinish()
        {
            if (_waiting is null) CompleteStage();
        }

        private void Release()
        {
            if (_waiting is not { } chunk || chunk.To > _scored.Below(chunk.Partition, chunk.Epoch)) return;
            _waiting = null;
            Push(_stage._out, chunk);
            if (IsClosed(_stage._in)) CompleteStage();
        }
    }
}
