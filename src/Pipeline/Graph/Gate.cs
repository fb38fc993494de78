using Akka.Streams;
using Akka.Streams.Stage;

namespace StreamMLOps.Pipeline;

/// <summary>Decides when a chunk may go on. Safe for use by many threads.</summary>
public interface IGate
{
    /// <summary>Raised, on any thread, when a chunk that had to wait may be let through now.</summary>
    event Action Moved;

    /// <summary>Whether the chunk may go on.</summary>
    bool LetsThrough(RawChunk chunk);
}

/// <summary>Holds a chunk until its gate lets it through. One chunk waits at most; upstream is not asked for more meanwhile.</summary>
internal sealed class Gate(IGate gate) : GraphStage<FlowShape<RawChunk, RawChunk>>
{
    private readonly Inlet<RawChunk> _in = new("gate.in");
    private readonly Outlet<RawChunk> _out = new("gate.out");

    public override FlowShape<RawChunk, RawChunk> Shape => new(_in, _out);

    protected override GraphStageLogic CreateLogic(Attributes inheritedAttributes) => new Logic(this, gate);

    private sealed class Logic : InAndOutGraphStageLogic
    {
        private readonly Gate _stage;
        private readonly IGate _gate;
        private readonly Action _moved;
        private RawChunk? _waiting;

        public Logic(Gate stage, IGate gate) : base(stage.Shape)
        {
            _stage = stage;
            _gate = gate;
            _moved = GetAsyncCallback(Release);
            SetHandler(stage._in, this);
            SetHandler(stage._out, this);
        }

        public override void PreStart() => _gate.Moved += _moved;

        public override void PostStop()
        {
            _gate.Moved -= _moved;
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
            if (_waiting is not { } chunk || !_gate.LetsThrough(chunk)) return;
            _waiting = null;
            Push(_stage._out, chunk);
            if (IsClosed(_stage._in)) CompleteStage();
        }
    }
}
