using System.Diagnostics;
using Akka.Actor;
using Akka.Streams;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>A leg's stream has ended.</summary>
internal sealed record LegEnded(long Run, bool IsLabels, Exception? Cause);

/// <summary>
/// The streams that feed a learner: the rows' log, and the labels' log where labels come apart. Two logs are taken row by row in the order
/// of event times (rows before labels at equal times, a record without time at once after the one before it), so that what is decided
/// depends on the logs and not on how fast each was read. Where a log that has no end has nothing to read, the other goes on after a while.
/// </summary>
internal sealed class LearnLegs(LearnerDefinition definition, ScoredWatermark scored, IActorRef learner, object signal)
{
    private const int Turn = 512;
    private long _run;
    private Leg? _rows;
    private Leg? _labels;
    private bool _stopped;

    /// <summary>Whether any stream runs.</summary>
    public bool Running => _rows is { Stream: not null } || _labels is { Stream: not null };

    /// <summary>Whether every stream has ended and was not stopped: all there is was handed over.</summary>
    public bool Done => _rows is { Ended: true } && _labels is null or { Ended: true };

    /// <summary>Starts reading where the fold goes on.</summary>
    /// <exception cref="SourceException">A source is missing or another.</exception>
    public void Start(LearnerFold fold, IMaterializer materializer)
    {
        Close();
        _run++;
        _stopped = false;
        _rows = new Leg(new LearnerInbox(learner, signal), isLabels: false, definition.Labels?.RowPatience);
        if (definition.Labels is { } feed && fold.Join is not null)
        {
            _labels = new Leg(new LearnerInbox(learner, signal), isLabels: true, feed.LabelPatience);
            Run(_labels, PipelineGraph.LabelLeg(feed.Source, fold.LabelPositions, feed.Decoder, feed.Refuse, _labels.Inbox).Run(materializer));
        }
        Run(_rows, PipelineGraph.LearnLeg(definition.Source, fold.Positions, new LearnStages(definition.Decoder, definition.Featurizer, scored, _rows.Inbox, definition.Clocks)).Run(materializer));
    }

    /// <summary>Notes that a stream has ended.</summary>
    /// <returns>Whether it is one of those that run now.</returns>
    public bool Note(LegEnded ended)
    {
        var leg = ended.IsLabels ? _labels : _rows;
        if (ended.Run != _run || leg is null) return false;
        leg.Stream = null;
        leg.Ended = ended.Cause is null;
        return true;
    }

    /// <summary>Asks the streams to end.</summary>
    public void Stop()
    {
        _stopped = true;
        _rows?.Stream?.Shutdown();
        _labels?.Stream?.Shutdown();
        if (_labels is null) return;
        // Nothing more is taken, and a stream that waits for room would not end.
        _rows?.Inbox.Close();
        _labels.Inbox.Close();
    }

    /// <summary>Stops, and throws away what was handed over and not learned: it is read again.</summary>
    public void Close()
    {
        Stop();
        _rows?.Dispose();
        _labels?.Dispose();
        (_rows, _labels) = (null, null);
    }

    /// <summary>Tells the learner again, once, that there may be something to take.</summary>
    public void Signal() => _rows?.Inbox.Signal();

    public void Seen()
    {
        _rows?.Inbox.Seen();
        _labels?.Inbox.Seen();
    }

    /// <summary>Learns the next chunk, or some rows of one.</summary>
    /// <param name="fold">The fold.</param>
    /// <param name="maxBytes">Bytes of an event beyond which no further row is taken in this turn.</param>
    /// <param name="wait">How long to wait until it is worth trying again, where one log waits for the other; null: until there is a signal.</param>
    /// <returns>Whether there was anything.</returns>
    public bool TryLearn(LearnerFold fold, int maxBytes, out TimeSpan? wait)
    {
        wait = null;
        if (_rows is null) return false;
        // A log that was stopped has not come to its end: what the other still has must not be taken ahead of its rest.
        if (fold.Join is not null && _stopped) return false;
        if (fold.Join is { } join) return TryJoin(join, maxBytes, out wait);
        if (!_rows.Inbox.TryTake(out var chunk)) return false;
        using (chunk) fold.Learn(chunk!);
        return true;
    }

    private bool TryJoin(JoinFold join, int maxBytes, out TimeSpan? wait)
    {
        wait = null;
        var (rows, labels) = (_rows!, _labels!);
        rows.Fill(join);
        labels.Fill(join);
        if (rows.Cursor is null && labels.Cursor is null) return false;
        if (rows.Cursor is null && (wait = rows.Waits()) is not { Ticks: 0 }) return false;
        if (labels.Cursor is null && (wait = labels.Waits()) is not { Ticks: 0 }) return false;
        for (var n = 0; n < Turn && join.Open.Bytes < maxBytes; n++)
        {
            var leg = labels.Cursor is null || (rows.Cursor is { } r && Key(r, join) <= Key(labels.Cursor, join)) ? rows : labels;
            var cursor = leg.Cursor!;
            if (cursor.HasRow)
            {
                join.Take(cursor);
                if (cursor.HasRow) continue;
            }
            join.TakeRest(cursor);
            leg.Next();
            break;
        }
        return true;
    }

    // What has no row holds up nothing.
    private static long Key(JoinCursor cursor, JoinFold join) => cursor.HasRow ? cursor.KeyIn(join.State) : Chunk.NoTime;

    private void Run(Leg leg, (UniqueKillSwitch Stop, Task<Akka.Done> Done) stream)
    {
        leg.Stream = stream.Stop;
        var (run, isLabels) = (_run, leg.IsLabels);
        stream.Done.ContinueWith(t => new LegEnded(run, isLabels, t.Exception?.GetBaseException()), TaskScheduler.Default).PipeTo(learner);
    }

    private sealed class Leg(LearnerInbox inbox, bool isLabels, TimeSpan? patience) : IDisposable
    {
        private long _waitingSince;
        private bool _idle;

        public LearnerInbox Inbox { get; } = inbox;

        public bool IsLabels { get; } = isLabels;

        public UniqueKillSwitch? Stream { get; set; }

        /// <summary>Whether the log has come to its end.</summary>
        public bool Ended { get; set; }

        /// <summary>The chunk that is being taken.</summary>
        public JoinCursor? Cursor { get; private set; }

        public void Fill(JoinFold join)
        {
            if (Cursor is not null || !Inbox.TryTake(out var chunk)) return;
            (_waitingSince, _idle) = (0, false);
            Cursor = new JoinCursor(chunk!, IsLabels);
            join.Align(Cursor);
        }

        /// <summary>How long the other log must wait for this one, which has nothing now; zero: not at all; null: until there is a signal.</summary>
        public TimeSpan? Waits()
        {
            if (_idle || Ended) return TimeSpan.Zero;
            if (patience is not { } limit) return null;
            if (_waitingSince == 0) _waitingSince = Stopwatch.GetTimestamp();
            var left = limit - Stopwatch.GetElapsedTime(_waitingSince);
            if (left > TimeSpan.Zero) return left;
            _idle = true;
            return TimeSpan.Zero;
        }

        public void Next()
        {
            Cursor?.Dispose();
            Cursor = null;
        }

        public void Dispose()
        {
            Next();
            Inbox.Close();
        }
    }
}
