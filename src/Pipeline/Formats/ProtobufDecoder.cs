using System.Text.Unicode;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>
/// The message <c>Features</c> of <c>docs/proto/streammlops.proto</c>, read by hand: unknown fields are passed over, packed and single
/// values both accepted, of a scalar that is there twice the last one counts, as the wire format demands. A row is made canonical, so
/// that the order in which an encoder writes features does not matter.
/// </summary>
public sealed class ProtobufDecoder(int deadLetterBytes = DeadLetterFactory.DefaultLimit) : IDecoder
{
    /// <summary>Longest id and longest name of a feature, in bytes.</summary>
    public const int MaxTextBytes = 1_024;

    private const int Id = 1, Indices = 2, Values = 3, Named = 4, Label = 5, Time = 6;
    private readonly DeadLetterFactory _deadLetters = new(deadLetterBytes);

    /// <inheritdoc/>
    public string Format => "protobuf";

    /// <inheritdoc/>
    public Chunk Decode(RawChunk raw)
    {
        var chunk = new Chunk(raw.Range, Math.Max(1, raw.Count)) { Skipped = raw.To - raw.From - raw.Count };
        var indices = new Packed();
        for (var i = 0; i < raw.Count; i++)
        {
            if (raw.IsCut(i, out _))
            {
                chunk.DeadLetters.Add(_deadLetters.TooLarge(raw, i));
                continue;
            }
            if (raw[i].IsEmpty)
            {
                chunk.Skipped++;
                continue;
            }
            indices.Clear();
            chunk.Rows.BeginRow();
            var reader = new ProtobufReader(raw[i]);
            var fault = Read(ref reader, chunk.Rows, indices, out var id, out var time, out var reason);
            if (fault == RowFault.None)
            {
                chunk.EndRow(raw.OffsetOf(i), id, time);
                continue;
            }
            chunk.Rows.DropRow();
            chunk.DeadLetters.Add(_deadLetters.Of(raw, i, fault, reader.At, reason));
        }
        return chunk;
    }

    private static RowFault Read(ref ProtobufReader reader, RowBatch rows, Packed packed, out ReadOnlySpan<byte> id, out long time, out string reason)
    {
        id = default;
        time = Chunk.NoTime;
        var label = double.NaN;
        var count = 0;
        while (reader.Next())
        {
            switch (reader.Field, reader.Wire)
            {
                case (Id, ProtobufReader.Length):
                    id = reader.Bytes;
                    if (!Utf8.IsValid(id)) return Say(RowFault.Malformed, "the id is not UTF-8", out reason);
                    if (id.Length > MaxTextBytes) return Say(RowFault.TooLarge, $"the id is longer than {MaxTextBytes} bytes", out reason);
                    break;
                case (Indices, ProtobufReader.Varint):
                    if (!packed.AddIndex(reader.Number)) return Say(RowFault.BadIndex, "an index exceeds 32 bits", out reason);
                    break;
                case (Indices, ProtobufReader.Length):
                    var inner = new ProtobufReader(reader.Bytes);
                    while (inner.HasMore)
                    {
                        if (!inner.TryVarint(out var index)) return Say(RowFault.Malformed, "packed indices end within a number", out reason);
                        if (!packed.AddIndex(index)) return Say(RowFault.BadIndex, "an index exceeds 32 bits", out reason);
                        if (packed.IndexCount > RowBatch.MaxFeatures) return TooMany(out reason);
                    }
                    break;
                case (Values, ProtobufReader.Fixed64):
                    packed.Values.Add(BitConverter.UInt64BitsToDouble(reader.Number));
                    break;
                case (Values, ProtobufReader.Length):
                    if (reader.Bytes.Length % 8 != 0) return Say(RowFault.Malformed, "packed values end within a number", out reason);
                    if (reader.Bytes.Length / 8 > RowBatch.MaxFeatures) return TooMany(out reason);
                    for (var rest = reader.Bytes; !rest.IsEmpty; rest = rest[8..]) packed.Values.Add(System.Buffers.Binary.BinaryPrimitives.ReadDoubleLittleEndian(rest));
                    break;
                case (Named, ProtobufReader.Length):
                    if (AddNamed(reader.Bytes, rows, out reason) is var fault && fault != RowFault.None) return fault;
                    if (++count > RowBatch.MaxFeatures) return TooMany(out reason);
                    break;
                case (Label, ProtobufReader.Fixed64):
                    label = BitConverter.UInt64BitsToDouble(reader.Number);
                    if (!double.IsFinite(label)) return Say(RowFault.NotFinite, "the label is not finite", out reason);
                    break;
                case (Time, ProtobufReader.Varint):
                    time = (long)(reader.Number >> 1) ^ -(long)(reader.Number & 1);
                    break;
                case ( <= Time, _):
                    return Say(RowFault.Malformed, $"field {reader.Field} has the wire type {reader.Wire}, which is not its own", out reason);
            }
            if (packed.IndexCount > RowBatch.MaxFeatures || packed.Values.Count > RowBatch.MaxFeatures) return TooMany(out reason);
        }
        if (reader.IsBroken) return Say(RowFault.Malformed, "the record is no protobuf message", out reason);
        if (packed.Values.Count > 0 && packed.Values.Count != packed.IndexCount)
            return Say(RowFault.Malformed, $"there are {packed.IndexCount} indices and {packed.Values.Count} values", out reason);
        if (!packed.AddTo(rows)) return Say(RowFault.NotFinite, "the value of a feature is not finite", out reason);
        var end = rows.TryEndRow(label);
        reason = "a number, or the sum of a repeated feature, is not finite";
        return end == RowFault.TooManyFeatures ? TooMany(out reason) : end;
    }

    private static RowFault AddNamed(ReadOnlySpan<byte> message, RowBatch rows, out string reason)
    {
        var reader = new ProtobufReader(message);
        ReadOnlySpan<byte> name = default;
        var value = 0.0;
        while (reader.Next())
        {
            if (reader is { Field: 1, Wire: ProtobufReader.Length }) name = reader.Bytes;
            else if (reader is { Field: 2, Wire: ProtobufReader.Fixed64 }) value = BitConverter.UInt64BitsToDouble(reader.Number);
            else if (reader.Field <= 2) return Say(RowFault.Malformed, "a named feature has a field of another wire type than its own", out reason);
        }
        if (reader.IsBroken) return Say(RowFault.Malformed, "a named feature is no protobuf message", out reason);
        if (name.IsEmpty) return Say(RowFault.BadIndex, "a feature has an empty name", out reason);
        if (name.Length > MaxTextBytes) return Say(RowFault.TooLarge, $"the name of a feature is longer than {MaxTextBytes} bytes", out reason);
        if (!Utf8.IsValid(name)) return Say(RowFault.Malformed, "the name of a feature is not UTF-8", out reason);
        if (!double.IsFinite(value)) return Say(RowFault.NotFinite, "the value of a feature is not finite", out reason);
        var index = FeatureName.IndexOf(name, out var isIndex);
        if (isIndex) rows.Add(index, value);
        else rows.Add(index, value, name);
        return Say(RowFault.None, "", out reason);
    }

    private static RowFault TooMany(out string reason) => Say(RowFault.TooManyFeatures, $"the row has more than {RowBatch.MaxFeatures} features", out reason);

    private static RowFault Say(RowFault fault, string what, out string reason)
    {
        reason = what;
        return fault;
    }

    // Indices and values come apart, in any order; they meet at the end of the message.
    private sealed class Packed
    {
        private readonly List<uint> _indices = [];

        public List<double> Values { get; } = [];

        public int IndexCount => _indices.Count;

        public void Clear()
        {
            _indices.Clear();
            Values.Clear();
        }

        public bool AddIndex(ulong index)
        {
            _indices.Add((uint)index);
            return index <= uint.MaxValue;
        }

        public bool AddTo(RowBatch rows)
        {
            for (var k = 0; k < _indices.Count; k++)
            {
                var value = Values.Count == 0 ? 1 : Values[k];
                if (!double.IsFinite(value)) return false;
                rows.Add(_indices[k], value);
            }
            return true;
        }
    }
}
