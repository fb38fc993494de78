using Akka.Streams;
using Akka.Streams.Stage;

namespace StreamMLOps.Pipeline;

/// <summary>The stream's end of a <see cref="ChunkQueue"/>; the consumer's thread lives as long as the stage.</summary>
internal sealed class KafkaStage(string name, ChunkQueue queue, ConsumerThread consumer, Action starting) : GraphStage<SourceShape<RawChunk>>
{
    public Outlet<RawChunk> Out { get; } = new("Kafka.out");

    public override SourceShape<RawChunk> Shape => new(Out);

    protected override Attributes InitialAttributes => Attributes.CreateName(name);

    protected override GraphStageLogic CreateLogic(Attributes inheritedAttributes) => new Logic(this, queue, consumer, starting);

    private sealed class Logic : GraphStageLogic
    {
        private readonly Outlet<RawChunk> _out;
        private readonly ChunkQueue _queue;
        private readonly ConsumerThread _consumer;
        private readonly Action _starting;
        private bool _drained;

        public Logic(KafkaStage stage, ChunkQueue queue, ConsumerThread consumer, Action starting) : base(stage.Shape)
        {
            _out = stage.Out;
            _queue = queue;
            _consumer = consumer;
            _starting = starting;
            SetHandler(_out, onPull: TakeOne, onDownstreamFinish: Finish);
        }

        public override void PreStart()
        {
            _queue.OnReady(GetAsyncCallback(() =>
            {
                if (IsAvailable(_out)) TakeOne();
            }));
            _starting();
            _consumer.Start();
        }

        public override void PostStop() => _consumer.Stop(abandon: !_drained);

        /// <summary>Who cancels without a failure goes on with what it has.</summary>
        private void Finish(Exception cause)
        {
            _drained = cause is SubscriptionWithCancelException.NonFailureCancellation;
            CancelStage(cause);
        }

        private void TakeOne()
        {
            if (_queue.TryTake(out var chunk, out var ended, out var failure)) Push(_out, chunk!);
            else if (failure is not null) FailStage(failure);
            else if (ended) CompleteStage();
        }
    }
}
