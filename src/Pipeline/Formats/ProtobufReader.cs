using System.Buffers.Binary;

namespace StreamMLOps.Pipeline;

/// <summary>The fields of one protobuf message, as the wire format has them (protobuf.dev/programming-guides/encoding); groups are refused.</summary>
internal ref struct ProtobufReader(ReadOnlySpan<byte> message)
{
    public const int Varint = 0, Fixed64 = 1, Length = 2, Fixed32 = 5;
    private readonly ReadOnlySpan<byte> _message = message;

    /// <summary>Where reading stands.</summary>
    public int At { get; private set; }

    /// <summary>Whether the message is no protobuf from <see cref="At"/> on.</summary>
    public bool IsBroken { get; private set; }

    public readonly bool HasMore => At < _message.Length;

    /// <summary>Number of the current field.</summary>
    public int Field { get; private set; }

    /// <summary>Its wire type.</summary>
    public int Wire { get; private set; }

    /// <summary>Its value where it has no length.</summary>
    public ulong Number { get; private set; }

    /// <summary>Its value where it has one.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    /// <summary>Moves to the next field; no: there is none, or the message is broken.</summary>
    public bool Next()
    {
        if (!HasMore) return false;
        if (!TryVarint(out var key) || key >> 3 is 0 or > int.MaxValue >> 2) return Broken();
        (Field, Wire) = ((int)(key >> 3), (int)(key & 7));
        switch (Wire)
        {
            case Varint:
                if (!TryVarint(out var number)) return Broken();
                Number = number;
                return true;
            case Fixed64:
                if (_message.Length - At < 8) return Broken();
                Number = BinaryPrimitives.ReadUInt64LittleEndian(_message[At..]);
                At += 8;
                return true;
            case Fixed32:
                if (_message.Length - At < 4) return Broken();
                Number = BinaryPrimitives.ReadUInt32LittleEndian(_message[At..]);
                At += 4;
                return true;
            case Length:
                if (!TryVarint(out var length) || length > (ulong)(_message.Length - At)) return Broken();
                Bytes = _message.Slice(At, (int)length);
                At += (int)length;
                return true;
            default:
                return Broken();
        }
    }

    /// <summary>Reads a bare number, as packed fields hold them.</summary>
    public bool TryVarint(out ulong value)
    {
        value = 0;
        for (var shift = 0; shift < 70 && At < _message.Length; shift += 7)
        {
            var b = _message[At++];
            // The tenth byte has room for one bit.
            if (shift == 63 && b > 1) return false;
            value |= (ulong)(b & 0x7f) << shift;
            if (b < 0x80) return true;
        }
        return false;
    }

    private bool Broken()
    {
        IsBroken = true;
        return false;
    }
}
