using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace StreamMLOps.Pipeline;

/// <summary>Settings of the built-in stream of synthetic malicious-URL rows.</summary>
/// <param name="Rows">Rows in all.</param>
/// <param name="Seed">Equal seeds (and settings) give equal rows.</param>
public sealed record UrlGeneratorSettings(long Rows = 200_000, ulong Seed = 7)
{
    /// <summary>Rows of a day: the vocabulary grows and the classes drift from day to day.</summary>
    public int RowsPerDay { get; init; } = 20_000;

    /// <summary>Probability that the label of a row is wrong.</summary>
    public double Noise { get; init; } = 0.01;

    /// <summary>Mean share of positive rows; it varies by 0.08 either way over 12 days.</summary>
    public double Positives { get; init; } = 0.33;
}

/// <summary>
/// Writes rows in the shape of the UCI malicious-URL data as svmlight lines: about 115 non-zeros, of them 60 features that are
/// real-valued or flags (indices 1 to 60), the rest binary tokens drawn by a Zipf-Mandelbrot law from a vocabulary that starts
/// with 60,000 and grows by 26,166 never-seen tokens a day. A token has an affinity to a class, which shapes in which rows it is
/// seen. Each day one popular token in a hundred gets a new affinity; on a few days 30 % of the 3,000 most popular and a quarter
/// of the reals change sides. Row <c>i</c> depends on the settings and on <c>i</c> alone, and on no function whose bits differ between
/// machines: only on integer arithmetic and + - * / and square roots. Not thread-safe: a reader has its own.
/// </summary>
public sealed class UrlGenerator
{
    /// <summary>Most bytes of a row.</summary>
    public const int MaxRowBytes = 8 * 1024;

    private const int MaxTokens = 256;
    private const double MeanTokens = 79;

    private readonly UrlGeneratorSettings _settings;
    private readonly ulong _rowSeed;
    private readonly UrlDay _day;
    private readonly uint[] _tokens = new uint[MaxTokens];
    private readonly uint[] _sorted = new uint[MaxTokens];
    private readonly int[] _buckets = new int[8 * 19 + 1];
    private readonly int _noise;

    public UrlGenerator(UrlGeneratorSettings settings)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(settings.Rows);
        ArgumentOutOfRangeException.ThrowIfLessThan(settings.RowsPerDay, 1);
        _settings = settings;
        _rowSeed = SplitMix.Mix(settings.Seed ^ 0x9e3779b97f4a7c15);
        _noise = (int)(settings.Noise * 65536);
        _day = new UrlDay(settings.Seed, settings.Positives);
    }

    /// <summary>Identity of the log: equal settings, equal rows. The number of rows is no part of it, as a longer stream begins alike.</summary>
    public ulong Epoch
    {
        get
        {
            ReadOnlySpan<ulong> identity =
            [
                1, // revision of the generator: rows changed, number changed
                _settings.Seed,
                (ulong)_settings.RowsPerDay,
                BitConverter.DoubleToUInt64Bits(_settings.Noise),
                BitConverter.DoubleToUInt64Bits(_settings.Positives),
            ];
            return Math.Max(1, XxHash3.HashToUInt64(MemoryMarshal.AsBytes(identity)));
        }
    }

    /// <summary>Writes row <paramref name="row"/> without a line end.</summary>
    /// <param name="row">Row number from 0.</param>
    /// <param name="line">At least <see cref="MaxRowBytes"/>.</param>
    /// <returns>Bytes written.</returns>
    public int Write(long row, Span<byte> line)
    {
        _day.MoveTo((int)(row / _settings.RowsPerDay));
        var random = new SplitMix(SplitMix.Mix(_rowSeed + (ulong)row));
        var bits = random.Next();
        var positive = (int)(bits & 0xffff) < _day.PositiveShare;
        var flipped = (int)(bits >> 16 & 0xffff) < _noise;
        var count = TokenCount(bits >> 32, random.Next());

        var text = new SvmLightText(line);
        text.Label(positive != flipped);
        WriteReals(ref text, ref random, positive);
        var tokens = Sorted(DrawTokens(ref random, positive, count));
        var previous = uint.MaxValue;
        foreach (var token in tokens)
        {
            if (token != previous) text.Flag(token + 1 + UrlDay.Reals);
            previous = token;
        }
        return text.Used;
    }

    // Tokens spread evenly over the octaves, so buckets of an eighth of an octave leave next to nothing to sort.
    private ReadOnlySpan<uint> Sorted(int count)
    {
        Array.Clear(_buckets);
        foreach (var token in _tokens.AsSpan(0, count)) _buckets[Bucket(token) + 1]++;
        for (var i = 1; i < _buckets.Length; i++) _buckets[i] += _buckets[i - 1];
        foreach (var token in _tokens.AsSpan(0, count)) _sorted[_buckets[Bucket(token)]++] = token;
        for (var i = 1; i < count; i++)
        {
            var token = _sorted[i];
            var at = i;
            for (; at > 0 && _sorted[at - 1] > token; at--) _sorted[at] = _sorted[at - 1];
            _sorted[at] = token;
        }
        return _sorted.AsSpan(0, count);
    }

    // Exponent and three bits of mantissa of a single; a token + 8 is below 2^24, so the conversion is exact.
    private static int Bucket(uint token) => (BitConverter.SingleToInt32Bits(token + 8f) >> 20) - (130 << 3);

    // Nearly Poisson: normal with mean 79 and variance 79 from a sum of 12 bytes (4 and 8), whose own variance is 12 * 65535 / 12.
    private static int TokenCount(ulong four, ulong eight)
    {
        const double deviation = 8.888194417315589 / 255.998046867549; // sqrt(79) / sqrt(65535)
        var sum = SplitMix.SumOfBytes(four & 0xffffffff) + SplitMix.SumOfBytes(eight) - 12 * 127.5;
        return Math.Clamp((int)(MeanTokens + sum * deviation), 15, MaxTokens);
    }

    private void WriteReals(ref SvmLightText text, ref SplitMix random, bool positive)
    {
        var presence = _day.Presence(positive);
        var scale = _day.Scale(positive);
        var bits = 0ul;
        for (var j = 0; j < UrlDay.Reals; j++, bits >>= 16)
        {
            if ((j & 3) == 0) bits = random.Next();
            if ((int)(bits & 0xffff) >= presence[j]) continue;
            if (scale[j] == 0)
            {
                text.Flag((uint)j + 1);
                continue;
            }
            // Kumaraswamy's distribution with a = 1, b = 4: as skewed as the beta distribution and made of square roots.
            var x = (1 - Math.Sqrt(Math.Sqrt(random.Uniform()))) * scale[j];
            text.Real((uint)j + 1, (uint)Math.Clamp((int)(x * 1_000_000), 100, 999_999));
        }
    }

    private int DrawTokens(ref SplitMix random, bool positive, int count)
    {
        var used = 0;
        for (var i = 0; i < count; i++)
        {
            var bits = random.Next();
            var u = (bits >> 32) * (1.0 / 4294967296.0);
            // A tenth of the mass goes to tokens first seen about today.
            var token = (bits & 0xffff) < 6554 ? _day.FirstNew + (uint)(u * u * u * UrlDay.NewTokens) : _day.Popular(u);
            var affinity = _day.Affinity(token);
            var against = positive ? -affinity : affinity;
            if ((int)(bits >> 16 & 0x7fff) < against)
            {
                // It contradicts the class of the row: drawn anew once, from all that was there before today.
                u = random.Uniform();
                token = (uint)(u * u * _day.FirstNew);
                affinity = _day.Affinity(token);
                if ((positive ? -affinity : affinity) > 0) continue;
            }
            _tokens[used++] = token;
        }
        return used;
    }
}
