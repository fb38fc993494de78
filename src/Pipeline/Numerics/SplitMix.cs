namespace StreamMLOps.Pipeline;

/// <summary>Steele, Lea and Flood's SplitMix64: one addition and one mix for 64 bits, the same everywhere.</summary>
internal struct SplitMix(ulong state)
{
    private ulong _state = state;

    public ulong Next() => Mix(_state += 0x9e3779b97f4a7c15);

    public double Uniform() => (Next() >> 11) * (1.0 / (1ul << 53));

    // Nearly normal: the sum of eight bytes.
    public double Normal() => (SumOfBytes(Next()) - 8 * 127.5) / 209.0215;

    /// <summary>Maps 64 bits to 64 bits, one to one, so that each bit of the result depends on all.</summary>
    public static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    public static int SumOfBytes(ulong bits)
    {
        var pairs = (bits & 0x00ff00ff00ff00ff) + (bits >> 8 & 0x00ff00ff00ff00ff);
        return (int)(pairs * 0x0001000100010001 >> 48);
    }
}
