using Akka.Actor;
using Akka.Configuration;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors.Tests.Wire;

/// <summary>Messages between nodes: bytes of our own, whatever is inside, by the serializer that akka.conf binds.</summary>
public sealed class WireSerializerSpecs : IDisposable
{
    private readonly ActorSystem _system = ActorSystem.Create("wire", ConfigurationFactory.ParseString("akka { loglevel = OFF, stdout-loglevel = OFF }"));

    public static TheoryData<object> Messages()
    {
        var version = new ModelVersion("main", 0, 12);
        var status = new LearnerStatus(LearnerState.WaitingForDatabase, "slow – µs", version, [new PartitionLedger(3, ulong.MaxValue, 1, 20, 10, 4, 3, 1, 1, 0)], [("error", 0.1), ("auc", double.NaN)], 7, 8, 9, 10, "host:1");
        return [.. new object[]
        {
            new Scored(new PartitionPosition(3, 0xff, 12)), Wake.Instance, new Pull(4, 8), new Behind(2, 9), GetLearnerStatus.Instance, status, Drain.Instance,
            new Drained(status), new Freeze("who", "why"), new Thaw("who", "why"), new Changed(version), new Revoke("who", "why"), new Revoke("who", "why", 3), new Unchanged("no group"), new Published(5, Frozen.Create("a", "b", 1), 77),
            new Published(6, Learned.Create(1, 2, 3, [new(new(0, 7, 5, 6), 1, 0, 0, 0, 0)], 1, [1, 2, 3], null, [new(0, 0, 1)]), 78),
            new LearnerEnvelope("urls/main/0", new Pull(1, 2)), new LearnerEnvelope("urls/main/0", Wake.Instance),
        }];
    }

    public void Dispose() => _system.Terminate().Wait(TimeSpan.FromSeconds(10));

    [Theory]
    [MemberData(nameof(Messages))]
    public void A_message_comes_back_as_it_was_sent(object message)
    {
        var serializer = new WireSerializer((ExtendedActorSystem)_system);
        var bytes = serializer.ToBinary(message);
        var again = serializer.FromBinary(bytes, serializer.Manifest(message));
        Assert.Equal(message.GetType(), again.GetType());
        // Records of lists and events do not compare by content: their bytes do.
        Assert.Equal(bytes, serializer.ToBinary(again));
        if (message is Published p && again is Published q)
        {
            Assert.Equal((p.Sequence, p.Time), (q.Sequence, q.Time));
            Assert.Equal(p.Event.Bytes, q.Event.Bytes);
            Assert.Equal((p.Event as Learned)?.RowBytes.ToArray(), (q.Event as Learned)?.RowBytes.ToArray());
        }
        if (message is not (LearnerStatus or Drained or Published)) Assert.Equal(message, again);
    }

    [Fact]
    public void A_message_of_a_newer_version_is_a_clear_error()
    {
        var serializer = new WireSerializer((ExtendedActorSystem)_system);
        Assert.Contains("newer version", Assert.Throws<JournalFormatException>(() => serializer.FromBinary([1], "never-heard-of")).Message);
        Assert.Contains("newer version", Assert.Throws<JournalFormatException>(() => serializer.FromBinary([9, 1, 1], "pull")).Message);
    }
}
