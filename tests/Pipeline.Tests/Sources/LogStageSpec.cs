using Akka.Streams;
using Akka.Streams.Dsl;
using Akka.TestKit.Xunit2;
using Reactive.Streams;

namespace StreamMLOps.Pipeline.Tests;

public sealed class LogStageSpec : TestKit
{
    [Fact]
    public async Task Nothing_is_read_that_is_not_asked_for()
    {
        var reader = new FakeReader(rows: 1_000_000);
        var subscriber = new ManualSubscriber();
        Run(reader, subscriber);
        var subscription = await subscriber.Subscribed.Task.WaitAsync(TimeSpan.FromSeconds(10));

        subscription.Request(3);
        await AwaitAssertAsync(() => Assert.Equal(3, Volatile.Read(ref subscriber.Received)));
        subscription.Request(4);
        await AwaitAssertAsync(() => Assert.Equal(7, Volatile.Read(ref subscriber.Received)));
        Assert.InRange(reader.Reads, 7, 8);

        subscription.Cancel();
        await reader.Disposed.Task.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.InRange(reader.Reads, 7, 8);
    }

    [Fact]
    public async Task The_reader_is_disposed_at_the_end()
    {
        var reader = new FakeReader(rows: 3);
        Assert.Equal(3, (await Source.FromGraph(new LogStage("fake", () => reader, null)).RunWith(Sink.Seq<RawChunk>(), Sys.Materializer())).Count);
        await reader.Disposed.Task.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task A_failure_in_mid_stream_fails_the_stream_and_disposes_the_reader()
    {
        var reader = new FakeReader(rows: 3, failure: new SourceException("broken"));
        await Assert.ThrowsAsync<SourceException>(() => Source.FromGraph(new LogStage("fake", () => reader, null)).RunWith(Sink.Ignore<RawChunk>(), Sys.Materializer()));
        Assert.Equal(4, reader.Reads);
        await reader.Disposed.Task.WaitAsync(TimeSpan.FromSeconds(10));
    }

    private void Run(FakeReader reader, ManualSubscriber subscriber) =>
        Source.FromGraph(new LogStage("fake", () => reader, null))
            .To(Sink.FromSubscriber(subscriber))
            .WithAttributes(Attributes.CreateInputBuffer(1, 1))
            .Run(Sys.Materializer());

    private sealed class FakeReader(int rows, Exception? failure = null) : ILogReader
    {
        private int _reads;

        public int Reads => Volatile.Read(ref _reads);

        public TaskCompletionSource Disposed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public RawChunk? Read()
        {
            if (Interlocked.Increment(ref _reads) <= rows) return new RawChunk(0, 1, _reads - 1);
            return failure is null ? null : throw failure;
        }

        public void Dispose() => Disposed.TrySetResult();
    }

    private sealed class ManualSubscriber : ISubscriber<RawChunk>
    {
        public int Received;

        public TaskCompletionSource<Reactive.Streams.ISubscription> Subscribed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void OnSubscribe(Reactive.Streams.ISubscription subscription) => Subscribed.SetResult(subscription);

        public void OnNext(RawChunk element) => Interlocked.Increment(ref Received);

        public void OnError(Exception cause)
        {
        }

        public void OnComplete()
        {
        }
    }
}
