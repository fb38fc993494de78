using System.Runtime.CompilerServices;

namespace StreamMLOps.Learning;

/// <summary>
/// A small seeded generator whose whole state is one number, kept inside a model's state: SplitMix64
/// (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
/// </summary>
internal struct RandomSource(ulong seed)
{
    private ulong _state = seed;

    /// <summary>A seed for part <paramref name="part"/> of something with seed <paramref name="seed"/>: independent streams from one seed.</summary>
    public static ulong Derive(ulong seed, ulong part)
    {
        var source = new RandomSource(seed ^ (part + 1) * 0xD1B54A32D192ED03UL);
        return source.NextUInt64();
    }

    /// <summary>64 random bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong NextUInt64()
    {
        var x = _state += 0x9E3779B97F4A7C15UL;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9UL;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBUL;
        return x ^ (x >> 31);
    }

    /// <summary>A number from 0 to <paramref name="below"/> - 1. The bias of the multiplication is below 2^-32 and the same everywhere.</summary>
    public int Next(int below) => (int)(((NextUInt64() >> 32) * (ulong)below) >> 32);

    /// <summary>A number in [0, 1) with 53 random bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1L << 53));

    /// <summary>A standard normal number, by Marsaglia's polar method: only root and logarithm, and both are our own or exact.</summary>
    public double NextGaussian()
    {
        while (true)
        {
            var u = 2 * NextDouble() - 1;
            var v = 2 * NextDouble() - 1;
            var s = u * u + v * v;
            if (s is > 0 and < 1) return u * Math.Sqrt(-2 * DeterministicMath.Log(s) / s);
        }
    }

    /// <summary>Writes the state.</summary>
    public readonly void Save(StateWriter writer) => writer.UInt64(_state);

    /// <summary>Reads the state.</summary>
    public void Load(StateReader reader) => _state = reader.UInt64();
}
