using System.Buffers.Binary;

namespace StreamMLOps.Pipeline;

/// <summary>One svmlight line under construction.</summary>
internal ref struct SvmLightText(Span<byte> line)
{
    private static readonly uint[] FourDigits = Digits();

    private readonly Span<byte> _line = line;

    public int Used { get; private set; }

    public void Label(bool positive)
    {
        (positive ? "+1"u8 : "-1"u8).CopyTo(_line);
        Used = 2;
    }

    public void Flag(uint index)
    {
        Index(index);
        _line[Used++] = (byte)'1';
    }

    public void Real(uint index, uint millionths)
    {
        Index(index);
        "0."u8.CopyTo(_line[Used..]);
        Four(Used + 2, FourDigits[millionths / 100]);
        Four(Used + 6, FourDigits[millionths % 100] >> 16);
        Used += 8;
        while (_line[Used - 1] == '0') Used--;
    }

    private void Index(uint index)
    {
        _line[Used++] = (byte)' ';
        if (index >= 10_000)
        {
            Leading(index / 10_000);
            Four(Used, FourDigits[index % 10_000]);
            Used += 4;
        }
        else
        {
            Leading(index);
        }
        _line[Used++] = (byte)':';
    }

    private void Leading(uint number)
    {
        var zeros = number < 10 ? 3 : number < 100 ? 2 : number < 1_000 ? 1 : 0;
        Four(Used, FourDigits[number] >> (8 * zeros));
        Used += 4 - zeros;
    }

    private void Four(int at, uint digits) => BinaryPrimitives.WriteUInt32LittleEndian(_line[at..], digits);

    // The digits of 0000 to 9999, the first in the lowest byte.
    private static uint[] Digits()
    {
        var digits = new uint[10_000];
        for (var i = 0u; i < 10_000; i++) digits[i] = 0x30303030 + i / 1000 + (i / 100 % 10 << 8) + (i / 10 % 10 << 16) + (i % 10 << 24);
        return digits;
    }
}
