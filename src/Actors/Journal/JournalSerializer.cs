using Akka.Actor;
using Akka.Serialization;

namespace StreamMLOps.Actors;

/// <summary>Puts events and snapshots into the journal as the bytes that they are; no type name is stored.</summary>
public sealed class JournalSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    /// <summary>Stored with every row of the journal: never changes.</summary>
    public override int Identifier => 730_101;

    public override string Manifest(object o) => o switch
    {
        JournalEvent e => e.Manifest,
        SnapshotEnvelope => SnapshotEnvelope.Manifest,
        _ => throw new ArgumentException($"{o.GetType()} does not belong into the journal", nameof(o)),
    };

    public override byte[] ToBinary(object obj) => obj switch
    {
        JournalEvent e => e.Bytes,
        SnapshotEnvelope s => s.Bytes,
        _ => throw new ArgumentException($"{obj.GetType()} does not belong into the journal", nameof(obj)),
    };

    public override object FromBinary(byte[] bytes, string manifest) =>
        manifest == SnapshotEnvelope.Manifest ? new SnapshotEnvelope(bytes) : JournalEvent.Decode(manifest, bytes);
}
