using Akka.Streams;
using Akka.Streams.Stage;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Reads a log chunk by chunk, one for each demand, so that nothing is read ahead. Opens at the first demand; closes when it
/// completes, fails or is cancelled. At the end of the log it completes, or looks again after <paramref name="follow"/>.
/// </summary>
internal sealed class LogStage(string name, Func<ILogReader> open, TimeSpan? follow) : GraphStage<SourceShape<RawChunk>>
{
    public Outlet<RawChunk> Out { get; } = new("Log.out");

    public override SourceShape<RawChunk> Shape => new(Out);

    protected override Attributes InitialAttributes => Attributes.CreateName(name);

    protected override GraphStageLogic CreateLogic(Attributes inheritedAttributes) => new Logic(this, open, follow);

    private sealed class Logic : TimerGraphStageLogic
    {
        private static readonly object Growth = "growth";

        private readonly Outlet<RawChunk> _out;
        private readonly Func<ILogReader> _open;
        private readonly TimeSpan? _follow;
        private ILogReader? _reader;

        public Logic(LogStage stage, Func<ILogReader> open, TimeSpan? follow) : base(stage.Shape)
        {
            _out = stage.Out;
            _open = open;
            _follow = follow;
            SetHandler(_out, onPull: ReadOne);
        }

        protected override void OnTimer(object timerKey) => ReadOne();

        public override void PostStop() => _reader?.Dispose();

        private void ReadOne()
        {
            RawChunk? chunk;
            try
            {
                _reader ??= _open();
                chunk = _reader.Read();
            }
            catch (Exception e)
            {
                FailStage(e);
                return;
            }
            if (chunk is not null) Push(_out, chunk);
            else if (_follow is { } interval) ScheduleOnce(Growth, interval);
            else CompleteStage();
        }
    }
}
