using System.Diagnostics;
using Akka.Streams;
using Akka.Streams.Kafka.Messages;
using Akka.Streams.Stage;

namespace StreamMLOps.Pipeline;

/// <summary>Puts the package's records together to chunks. On cancellation it waits for the commits of the chunks that it gave.</summary>
internal sealed class ChunkStage(PackageConsumer consumer) : GraphStage<FlowShape<Delivered, RawChunk>>
{
    public Inlet<Delivered> In { get; } = new("AkkaStreamsKafka.in");

    public Outlet<RawChunk> Out { get; } = new("AkkaStreamsKafka.out");

    public override FlowShape<Delivered, RawChunk> Shape => new(In, Out);

    protected override GraphStageLogic CreateLogic(Attributes inheritedAttributes) => new Logic(this, consumer);

    private sealed class Logic : TimerGraphStageLogic
    {
        /// <summary>Records without an assignment that are kept a partition; the package has ten under way for each of few requests.</summary>
        private const int MostOrphans = 200;
        private const string Linger = "linger";
        private const string Drain = "drain";
        private const string Probe = "probe";
        private static readonly TimeSpan DrainCheck = TimeSpan.FromMilliseconds(20);
        private readonly ChunkStage _stage;
        private readonly PackageConsumer _consumer;
        private readonly ChunkQueue _queue;
        private readonly Dictionary<int, Filling> _filling = [];
        private readonly Dictionary<int, long> _delivered = [];
        private readonly Dictionary<int, List<Delivered>> _orphans = [];
        private int _members;
        private Exception? _cancelled;
        private long _cancelledAt;
        private bool _drained;

        public Logic(ChunkStage stage, PackageConsumer consumer) : base(stage.Shape)
        {
            _stage = stage;
            _consumer = consumer;
            _queue = consumer.Queue;
            SetHandler(stage.In, onPush: Take, onUpstreamFinish: () => End(null), onUpstreamFailure: e => End(consumer.Explain(e)));
            SetHandler(stage.Out, onPull: Deliver, onDownstreamFinish: Cancelled);
        }

        public override void PreStart()
        {
            _queue.OnReady(GetAsyncCallback(Deliver));
            var failed = GetAsyncCallback<Exception>(FailStage);
            _consumer.OnFailure(failure => failed(failure));
            ScheduleRepeatedly(Probe, TimeSpan.FromSeconds(1));
            Pull(_stage.In);
        }

        public override void PostStop()
        {
            foreach (var f in _filling.Values) f.Partition.Drop();
            _consumer.Stop(abandon: !_drained);
        }

        protected override void OnTimer(object timerKey)
        {
            if (timerKey is Probe) _consumer.Probe();
            else if (timerKey is Linger) HandOverDue();
            else if (_queue.IsCommitted || Stopwatch.GetElapsedTime(_cancelledAt) > _consumer.Settings.Committer.DrainTimeout) CancelStage(_cancelled!);
        }

        private void Take()
        {
            var delivered = Grab(_stage.In);
            if (_members != _consumer.Members)
            {
                _members = _consumer.Members;
                _orphans.Clear();
            }
            var number = delivered.Record.Partition.Value;
            var offset = delivered.Record.Offset.Value;
            var goesOn = _delivered.GetValueOrDefault(number, -1) == offset;
            _delivered[number] = offset + 1;
            if (_consumer.Holding(number) is not { } p)
            {
                Orphan(number, delivered);
            }
            else
            {
                var filling = FillingOf(p);
                if (offset > p.Next && goesOn) Adopt(filling);
                // The record before it was delivered and not taken: what lies between must not be left out.
                if (offset > p.Next && goesOn)
                {
                    if (Orphan(number, delivered) > MostOrphans)
                        throw new SourceUnavailableException($"partition {number}: Akka.Streams.Kafka delivers offset {offset} where {p.Next} is due after partitions moved; it must be read again from the commit");
                }
                else
                {
                    _orphans.Remove(number);
                    Add(filling, delivered);
                }
            }
            Deliver();
        }

        private void Add(Filling filling, in Delivered delivered)
        {
            var (record, committable) = delivered;
            var (p, offset) = (filling.Partition, record.Offset.Value);
            if (offset > p.Next) _consumer.CheckGap(p);
            if (offset >= p.Next) filling.Last = committable;
            if (p.Add(offset, record.Message.Value ?? [], _consumer.Settings.Limits)) HandOver(filling);
            else if (p.Open is not null && !IsTimerActive(Linger)) ScheduleOnce(Linger, _consumer.Settings.Linger);
        }

        /// <summary>
        /// The package delivers records of an assignment before it tells of it, and those of one that has ended after that. An offset is
        /// the same record either way: those that go on where the new assignment starts are its first.
        /// </summary>
        private void Adopt(Filling filling)
        {
            if (!_orphans.TryGetValue(filling.Partition.Number, out var orphans)) return;
            foreach (var orphan in orphans)
                if (orphan.Record.Offset.Value == filling.Partition.Next) Add(filling, orphan);
        }

        /// <summary>Keeps a record that belongs to no assignment yet, or to none any more.</summary>
        /// <returns>How many are kept.</returns>
        private int Orphan(int number, in Delivered delivered)
        {
            if (!_orphans.TryGetValue(number, out var orphans)) orphans = _orphans[number] = [];
            if (orphans.Count > MostOrphans) orphans.RemoveAt(0);
            orphans.Add(delivered);
            return orphans.Count;
        }

        private Filling FillingOf(AssignedPartition p)
        {
            if (_filling.TryGetValue(p.Number, out var filling) && filling.Partition == p) return filling;
            filling?.Partition.Drop();
            return _filling[p.Number] = new Filling(p);
        }

        private void HandOverDue()
        {
            var waits = false;
            foreach (var filling in _filling.Values)
            {
                if (filling.Partition.Open is null) continue;
                if (filling.Partition.Released) filling.Partition.Drop();
                else if (_queue.HasRoom) HandOver(filling);
                else waits = true;
            }
            if (waits && _cancelled is null) ScheduleOnce(Linger, _consumer.Settings.Linger);
            Deliver();
        }

        private void HandOver(Filling filling)
        {
            var chunk = filling.Partition.Open!;
            var (to, bytes) = (chunk.To, chunk.ByteCount); // it has another owner once it is added
            if (!_queue.TryAdd(filling.Partition, chunk, TimeSpan.Zero)) return;
            if (filling.Last is { } last) _consumer.Remember(filling.Partition, to, last);
            filling.Partition.HandedOver(bytes);
        }

        private void Deliver()
        {
            if (_cancelled is not null) return;
            if (IsAvailable(_stage.Out))
            {
                if (_queue.TryTake(out var chunk, out var ended, out var failure)) Push(_stage.Out, chunk!);
                else if (failure is not null) FailStage(failure);
                else if (ended) CompleteStage();
            }
            if (_queue.HasRoom && !HasBeenPulled(_stage.In) && !IsClosed(_stage.In)) Pull(_stage.In);
        }

        private void End(Exception? failure)
        {
            // What was read before the failure goes first.
            foreach (var filling in _filling.Values)
                if (filling.Partition is { Open: not null, Released: false }) HandOver(filling);
            _queue.End(failure);
            Deliver();
        }

        private void Cancelled(Exception cause)
        {
            if (cause is not SubscriptionWithCancelException.NonFailureCancellation)
            {
                CancelStage(cause);
                return;
            }
            // Commits go through the package's actor, which ends with the stage.
            (_cancelled, _cancelledAt, _drained) = (cause, Stopwatch.GetTimestamp(), true);
            _queue.Close(abandon: false);
            _consumer.Drain();
            SetKeepGoing(true);
            if (_queue.IsCommitted) CancelStage(cause);
            else ScheduleRepeatedly(Drain, DrainCheck);
        }

        /// <summary>The chunk under construction of an assignment, with what commits its last record.</summary>
        private sealed class Filling(AssignedPartition partition)
        {
            public AssignedPartition Partition { get; } = partition;

            public ICommittableOffset? Last { get; set; }
        }
    }
}
