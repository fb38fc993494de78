using System.Text;
using Akka;
using Akka.Actor;
using Akka.Streams;
using Akka.Streams.Dsl;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline.Tests;

public sealed class MessageRowsTests : IAsyncLifetime
{
    private const int RowsPerMessage = 4;
    private readonly ActorSystem _system = ActorSystem.Create("message-rows");
    private readonly Messages _log = new("+1 1:1\n-1 2:1\n+1 3:1\n", "+1 4:1", "", "+1 5:1\n\n-1 6:1\n+1 7:1\n+1 8:1\n");

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => _system.Terminate();

    [Fact]
    public async Task Every_row_of_a_message_has_a_position_of_its_own_and_all_offsets_are_accounted_for()
    {
        var source = new MessageRows(_log, RowsPerMessage);
        using var chunk = await Decode(source, source.Partitions()[0]);
        Assert.Equal(new OffsetRange(0, source.Partitions()[0].Epoch, 0, 16), chunk.Range);
        Assert.Equal([0L, 1, 2, 4, 12, 14], Enumerable.Range(0, chunk.Count).Select(chunk.OffsetOf));
        Assert.Equal(["1:1", "2:1", "3:1", "4:1", "5:1", "6:1"], Enumerable.Range(0, chunk.Count).Select(i => Decoding.RowText(chunk.Rows, i)));
        // The message's fourth line holds a fifth row behind it: refused, not dropped in silence.
        var letter = Assert.Single(chunk.DeadLetters);
        Assert.Equal((15L, RowFault.TooLarge, "+1 7:1\n+1 8:1\n"), (letter.Offset, letter.Fault, Encoding.UTF8.GetString(letter.Bytes)));
        Assert.Contains("more than 4 rows", letter.Reason);
        Assert.Equal(16, chunk.Count + chunk.DeadLetters.Count + chunk.Skipped);
    }

    [Fact]
    public async Task Reading_goes_on_at_any_row_of_a_message()
    {
        var source = new MessageRows(_log, RowsPerMessage);
        using var chunk = await Decode(source, source.Partitions()[0] with { Next = 2 });
        Assert.Equal(2, chunk.Range.From);
        Assert.Equal([2L, 4, 12, 14], Enumerable.Range(0, chunk.Count).Select(chunk.OffsetOf));
        Assert.Equal(14, chunk.Count + chunk.DeadLetters.Count + chunk.Skipped);
    }

    [Fact]
    public async Task Commits_reach_the_log_in_its_own_offsets_and_come_back_as_they_were()
    {
        var source = new MessageRows(_log, RowsPerMessage);
        var subscription = source.Subscribe("g");
        using var chunk = await Decode(subscription.Chunks);
        var commit = new CommittedPartition(new PartitionPosition(0, chunk.Range.Epoch, chunk.Range.To), chunk.Count, chunk.DeadLetters.Count, chunk.Skipped);
        await subscription.Commit([commit]);
        Assert.Equal(new PartitionPosition(0, Messages.Epoch, 4), _log.Committed.Single().Position);
        Assert.Equal([commit], subscription.Committed());
        Assert.Equal([commit], source.Committed("g"));
        Assert.NotEqual(Messages.Epoch, chunk.Range.Epoch);
    }

    [Fact]
    public void A_message_of_one_row_needs_nothing() => Assert.Same(_log, MessageRows.Of(_log, 1));

    private Task<Chunk> Decode(MessageRows source, PartitionPosition from) => Decode(source.ReadFrom([from]));

    private async Task<Chunk> Decode(Source<RawChunk, NotUsed> chunks)
    {
        using var raw = await chunks.RunWith(Sink.First<RawChunk>(), _system.Materializer());
        return new SvmLightDecoder().Decode(raw);
    }

    /// <summary>A topic of one partition in memory.</summary>
    private sealed class Messages(params string[] messages) : ISource, ISubscription
    {
        public const ulong Epoch = 0xfeed;

        public List<CommittedPartition> Committed { get; } = [];

        public string Name => "messages";

        public Source<RawChunk, NotUsed> Chunks => ReadFrom([new(0, Epoch, 0)]);

        public IReadOnlyList<PartitionPosition> Partitions() => [new(0, Epoch, 0)];

        public Source<RawChunk, NotUsed> ReadFrom(IReadOnlyList<PartitionPosition> positions)
        {
            Assert.Equal(Epoch, positions[0].Epoch);
            var raw = new RawChunk(0, Epoch, positions[0].Next);
            foreach (var message in messages.Skip((int)positions[0].Next)) raw.Add(Encoding.UTF8.GetBytes(message));
            raw.To = messages.Length;
            return Source.Single(raw);
        }

        public ISubscription Subscribe(string group) => this;

        IReadOnlyList<CommittedPartition> ISource.Committed(string group) => Committed;

        IReadOnlyList<CommittedPartition> ISubscription.Committed() => Committed;

        public ValueTask Commit(IReadOnlyList<CommittedPartition> partitions)
        {
            Committed.AddRange(partitions);
            return ValueTask.CompletedTask;
        }
    }
}
