using Akka.Actor;
using Akka.Serialization;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>
/// The messages between nodes, as bytes of our own with a format number; no type name leaves a node. Events travel as the very
/// bytes that are in the journal.
/// </summary>
public sealed class WireSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    private const byte Format = 2;
    private const string WithRows = Learned.Kind + ", with rows";

    /// <summary>Never changes: nodes of different versions talk to each other.</summary>
    public override int Identifier => 730_102;

    public override string Manifest(object o) => o switch
    {
        LearnerEnvelope => "envelope",
        Scored => "scored",
        Wake => "wake",
        Pull => "pull",
        Published => "published",
        Behind => "behind",
        GetLearnerStatus => "get-status",
        LearnerStatus => "status",
        Drain => "drain",
        Drained => "drained",
        Freeze => "freeze",
        Thaw => "thaw",
        Revoke => "revoke",
        Changed => "changed",
        Unchanged => "unchanged",
        _ => throw new ArgumentException($"{o.GetType()} is no message between nodes", nameof(o)),
    };

    public override byte[] ToBinary(object obj)
    {
        // Format 2 of a status has the labels' ledger, that of a revocation the group that is meant; one without stays what older nodes can read.
        var w = new EventWriter(obj is LearnerStatus { Labels.Count: > 0 } or Drained { Status.Labels.Count: > 0 } or Revoke { Group: > 0 } ? (byte)2 : (byte)1);
        switch (obj)
        {
            case LearnerEnvelope e:
                w.Text(e.EntityId);
                w.Text(Manifest(e.Message));
                return w.ToArray(ToBinary(e.Message));
            case Scored s:
                Write(w, s.Position);
                break;
            case Pull p:
                w.Number(p.After);
                w.Number(p.Credit);
                break;
            case Published p:
                w.Number(p.Sequence);
                w.Int64(p.Time);
                // Rows that are not in the event go with it, so that replicas elsewhere need not read the source for each event.
                if (p.Event is Learned { Reference: not null, HasRows: true } referenced)
                {
                    w.Text(WithRows);
                    w.Number(referenced.Bytes.Length);
                    return w.ToArray([.. referenced.Bytes, .. referenced.RowBytes.Span]);
                }
                w.Text(p.Event.Manifest);
                return w.ToArray(p.Event.Bytes);
            case Behind b:
                w.Number(b.Oldest);
                w.Number(b.Newest);
                break;
            case LearnerStatus s:
                Write(w, s);
                break;
            case Drained d:
                Write(w, d.Status);
                break;
            case Freeze f:
                w.Text(f.Who);
                w.Text(f.Why);
                break;
            case Thaw t:
                w.Text(t.Who);
                w.Text(t.Why);
                break;
            case Revoke r:
                w.Text(r.Who);
                w.Text(r.Why);
                if (r.Group > 0) w.Number(r.Group);
                break;
            case Unchanged u:
                w.Text(u.Why);
                break;
            case Changed c:
                Write(w, c.Version);
                break;
        }
        return w.ToArray();
    }

    public override object FromBinary(byte[] bytes, string manifest)
    {
        var r = new EventReader(bytes, manifest, Format);
        switch (manifest)
        {
            case "envelope":
                var (entity, inner) = (r.Text(), r.Text());
                return new LearnerEnvelope(entity, FromBinary(bytes[r.At..], inner));
            case "published":
                var (sequence, time, kind) = (r.Number(), r.Int64(), r.Text());
                if (kind == WithRows)
                {
                    var length = (int)r.Number();
                    return new Published(sequence, Learned.Read(bytes[r.At..(r.At + length)]).With(bytes.AsMemory(r.At + length)), time);
                }
                return new Published(sequence, JournalEvent.Decode(kind, bytes[r.At..]), time);
            case "scored": return new Scored(ReadPosition(ref r));
            case "wake": return Wake.Instance;
            case "pull": return new Pull(r.Number(), (int)r.Number());
            case "behind": return new Behind(r.Number(), r.Number());
            case "get-status": return GetLearnerStatus.Instance;
            case "status": return ReadStatus(ref r, bytes[0]);
            case "drain": return Drain.Instance;
            case "drained": return new Drained(ReadStatus(ref r, bytes[0]));
            case "freeze": return new Freeze(r.Text(), r.Text());
            case "thaw": return new Thaw(r.Text(), r.Text());
            case "revoke": return new Revoke(r.Text(), r.Text(), bytes[0] > 1 ? r.Number() : 0);
            case "unchanged": return new Unchanged(r.Text());
            case "changed": return new Changed(ReadVersion(ref r));
            default: throw new JournalFormatException($"a message of the unknown kind '{manifest}' came from another node: it runs a newer version");
        }
    }

    private static void Write(EventWriter w, PartitionPosition p)
    {
        w.Number(p.Partition);
        w.UInt64(p.Epoch);
        w.Number(p.Next);
    }

    private static PartitionPosition ReadPosition(ref EventReader r) => new((int)r.Number(), r.UInt64(), r.Number());

    private static void Write(EventWriter w, ModelVersion v)
    {
        w.Text(v.Lineage);
        w.Number(v.Shard);
        w.Number(v.Sequence);
    }

    private static ModelVersion ReadVersion(ref EventReader r) => new(r.Text(), (int)r.Number(), r.Number());

    private static void Write(EventWriter w, LearnerStatus s)
    {
        w.Number((int)s.State);
        w.Text(s.Detail);
        Write(w, s.Version);
        w.Number(s.Partitions.Count);
        foreach (var p in s.Partitions)
        {
            Write(w, p.Position);
            foreach (var n in (ReadOnlySpan<long>)[p.Start, p.Learned, p.Unlabelled, p.DeadLettered, p.Skipped, p.Frozen, p.Expired]) w.Number(n);
        }
        w.Number(s.Metrics.Count);
        foreach (var (name, value) in s.Metrics)
        {
            w.Text(name);
            w.Int64(BitConverter.DoubleToInt64Bits(value));
        }
        foreach (var n in (ReadOnlySpan<long>)[s.Features, s.Rows, s.JournalBytes, s.Snapshot]) w.Number(n);
        w.Text(s.Node);
        if (s.Labels.Count == 0) return;
        foreach (var p in s.Partitions)
        {
            w.Number(p.Duplicate);
            w.Number(p.Waiting);
        }
        w.Number(s.Labels.Count);
        foreach (var l in s.Labels)
        {
            Write(w, new PartitionPosition(l.Partition, l.Epoch, l.Next));
            foreach (var n in (ReadOnlySpan<long>)[l.Start, l.Learned, l.Frozen, l.Orphans, l.Duplicate, l.Contradictory, l.Corrected, l.Late, l.DeadLettered, l.Skipped, l.Waiting, l.Early]) w.Number(n);
        }
    }

    private static LearnerStatus ReadStatus(ref EventReader r, byte format)
    {
        var (state, detail, version) = ((LearnerState)r.Number(), r.Text(), ReadVersion(ref r));
        var partitions = new PartitionLedger[r.Number()];
        for (var i = 0; i < partitions.Length; i++)
        {
            var p = ReadPosition(ref r);
            partitions[i] = new(p.Partition, p.Epoch, r.Number(), p.Next, r.Number(), r.Number(), r.Number(), r.Number(), r.Number(), r.Number());
        }
        var metrics = new (string, double)[r.Number()];
        for (var i = 0; i < metrics.Length; i++) metrics[i] = (r.Text(), BitConverter.Int64BitsToDouble(r.Int64()));
        var status = new LearnerStatus(state, detail, version, partitions, metrics, r.Number(), r.Number(), r.Number(), r.Number(), r.Text());
        if (format < 2) return status;
        for (var i = 0; i < partitions.Length; i++) partitions[i] = partitions[i] with { Duplicate = r.Number(), Waiting = r.Number() };
        var labels = new LabelLedger[r.Number()];
        for (var i = 0; i < labels.Length; i++)
        {
            var p = ReadPosition(ref r);
            labels[i] = new(p.Partition, p.Epoch, r.Number(), p.Next, r.Number(), r.Number(), r.Number(), r.Number(), r.Number(), r.Number(), r.Number(), r.Number(), r.Number(), r.Number(), r.Number());
        }
        return status with { Labels = labels };
    }
}
