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

    private const int Reals = 60;
    private const int MaxTokens = 256;
    private const double MeanTokens = 79;
    private const int CoreVocabulary = 60_000;
    private const int NewTokensPerDay = 26_166;
    private const int MaxVocabulary = 3_200_000;
    private const double Mandelbrot = 8;

    private readonly UrlGeneratorSettings _settings;
    private readonly ulong _rowSeed;
    private readonly UrlDay _day;
    private readonly uint[] _tokens = new uint[MaxTokens];
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

        var text = new RowText(line);
        text.Label(positive != flipped);
        WriteReals(ref text, ref random, positive);
        var tokens = _tokens.AsSpan(0, DrawTokens(ref random, positive, count));
        tokens.Sort();
        var previous = uint.MaxValue;
        foreach (var token in tokens)
        {
            if (token != previous) text.Flag(token + 1 + Reals);
            previous = token;
        }
        return text.Used;
    }

    // Nearly Poisson: normal with mean 79 and variance 79 from a sum of 12 bytes (4 and 8), whose own variance is 12 * 65535 / 12.
    private static int TokenCount(ulong four, ulong eight)
    {
        const double deviation = 8.888194417315589 / 255.998046867549; // sqrt(79) / sqrt(65535)
        var sum = SplitMix.SumOfBytes(four & 0xffffffff) + SplitMix.SumOfBytes(eight) - 12 * 127.5;
        return Math.Clamp((int)(MeanTokens + sum * deviation), 15, MaxTokens);
    }

    private void WriteReals(ref RowText text, ref SplitMix random, bool positive)
    {
        var presence = _day.Presence(positive);
        var scale = _day.Scale(positive);
        var bits = 0ul;
        for (var j = 0; j < Reals; j++, bits >>= 16)
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
            var token = (bits & 0xffff) < 6554 ? _day.FirstNew + (uint)(u * u * u * NewTokensPerDay) : _day.Popular(u);
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

    /// <summary>What is the same for all rows of a day: the vocabulary, and which token and real leans to which class.</summary>
    private sealed class UrlDay
    {
        private const int Head = 3_000;
        private const int Drifting = 30_000;
        private const int RedrawnEvery = 100;
        private const int One = 32_767; // an affinity of 1: never seen with the other class

        private readonly ulong _seed;
        private readonly double _positives;
        private readonly short[] _affinity = new short[Drifting];
        private readonly double[] _lean = new double[Reals];
        private readonly int[] _presence = new int[2 * Reals];
        private readonly double[] _scale = new double[2 * Reals];
        private int _number = -1;
        private double _popularFrom;
        private double _popularSpan;
        private uint _vocabulary;

        public UrlDay(ulong seed, double positives)
        {
            _seed = SplitMix.Mix(seed);
            _positives = positives;
        }

        public uint FirstNew { get; private set; }

        public int PositiveShare { get; private set; }

        public ReadOnlySpan<int> Presence(bool positive) => _presence.AsSpan(positive ? Reals : 0, Reals);

        // 0: a flag, whose value is always 1.
        public ReadOnlySpan<double> Scale(bool positive) => _scale.AsSpan(positive ? Reals : 0, Reals);

        // Inverse of a power law cut at the vocabulary, x^-1.05 on [8, vocabulary], whose integral is x^(-1/20): a 20th power inverts it.
        public uint Popular(double u)
        {
            var y = _popularFrom - u * _popularSpan;
            var y4 = y * y * (y * y);
            var y16 = y4 * y4 * (y4 * y4);
            return Math.Min((uint)(1 / (y16 * y4) - Mandelbrot), _vocabulary - 1);
        }

        public int Affinity(uint token) => token < Drifting ? _affinity[token] : Draw(token, 0);

        public void MoveTo(int day)
        {
            if (day == _number) return;
            _number = day;
            _vocabulary = (uint)Math.Min(MaxVocabulary, CoreVocabulary + (long)NewTokensPerDay * (day + 1));
            FirstNew = _vocabulary - NewTokensPerDay;
            _popularFrom = InverseTwentiethRoot(Mandelbrot);
            _popularSpan = _popularFrom - InverseTwentiethRoot(_vocabulary);
            PositiveShare = (int)(65536 * Math.Clamp(_positives + 0.08 * TwelfthOfSine(day), 0.05, 0.95));
            DriftTokens(day);
            DriftReals(day);
        }

        // A popular token is drawn anew every 100 days, each on its own day: 1 % of them a day.
        private void DriftTokens(int day)
        {
            for (var token = 0u; token < Drifting; token++)
            {
                var phase = (int)(SplitMix.Mix(_seed + 0x51 * (ulong)token) % RedrawnEvery);
                var affinity = Draw(token, (day + phase) / RedrawnEvery);
                if (token < Head && (Turns(token, day, 0x4ccc) & 1) != 0) affinity = -affinity;
                _affinity[token] = (short)affinity;
            }
        }

        private void DriftReals(int day)
        {
            for (var j = 0; j < Reals; j++)
            {
                var own = new SplitMix(SplitMix.Mix(_seed ^ 0xa5a5a5a5 + (ulong)j));
                var presence = 0.45 + 0.5 * own.Uniform();
                var flag = own.Uniform() >= 0.35;
                _lean[j] = 0.5 * own.Normal();
                for (var d = 1; d <= day; d++)
                {
                    _lean[j] += 0.02 * own.Normal();
                    if (Turns(0x10000u + (uint)j, d, 0x4000) != Turns(0x10000u + (uint)j, d - 1, 0x4000)) _lean[j] = -_lean[j];
                }
                for (var side = 0; side < 2; side++)
                {
                    var towards = side == 0 ? -_lean[j] : _lean[j];
                    _presence[side * Reals + j] = (int)(65536 * Math.Clamp(presence + 0.06 * towards, 0.02, 0.98));
                    _scale[side * Reals + j] = flag ? 0 : Math.Clamp(1 + 0.3 * towards, 0.2, 2.0);
                }
            }
        }

        // Abrupt drift: on how many of these days up to today the token (or real) changed sides, with a chance of `share` / 65536 each.
        private int Turns(uint token, int day, int share)
        {
            ReadOnlySpan<int> abrupt = [4, 8, 20, 48, 84];
            var turns = 0;
            foreach (var turn in abrupt)
            {
                if (turn > day) break;
                if ((int)(SplitMix.Mix(_seed ^ ((ulong)turn << 40) + token) & 0xffff) < share) turns++;
            }
            return turns;
        }

        // Above 0: seen with positives. A share of the tokens is neutral, the others are normal, cut to [-1, 1].
        private int Draw(uint token, int generation)
        {
            var bits = SplitMix.Mix(_seed + ((ulong)generation << 32) + token);
            var informative = token < Head && generation == 0 ? 0x599a : 0x8ccd; // 35 % and 55 % of 65536
            if ((int)(bits & 0xffff) >= informative) return 0;
            // The sum of the six upper bytes has the variance 6 * 65535 / 12.
            const double deviation = One / 181.0179;
            return (int)Math.Clamp((SplitMix.SumOfBytes(bits >> 16) - 6 * 127.5) * deviation, -One, One);
        }

        // x^(-1/20) by Newton's method on y^-20 = x, which rises to the root from below; the division and products round alike everywhere.
        private static double InverseTwentiethRoot(double x)
        {
            var y = 1 / x;
            for (var i = 0; i < 1_000; i++)
            {
                var y4 = y * y * (y * y);
                var y16 = y4 * y4 * (y4 * y4);
                y *= 1 + (1 - x * (y16 * y4)) / 20;
            }
            return y;
        }

        private static double TwelfthOfSine(int k)
        {
            var r = Math.Sqrt(3) / 2;
            ReadOnlySpan<double> sine = [0, 0.5, r, 1, r, 0.5, 0, -0.5, -r, -1, -r, -0.5];
            return sine[k % 12];
        }
    }

    /// <summary>Steele, Lea and Flood's SplitMix64: one addition and one mix for 64 bits, the same everywhere.</summary>
    private struct SplitMix(ulong state)
    {
        private ulong _state = state;

        public ulong Next() => Mix(_state += 0x9e3779b97f4a7c15);

        public double Uniform() => (Next() >> 11) * (1.0 / (1ul << 53));

        // Nearly normal: the sum of eight bytes.
        public double Normal() => (SumOfBytes(Next()) - 8 * 127.5) / 209.0215;

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

    /// <summary>One svmlight line under construction.</summary>
    private ref struct RowText(Span<byte> line)
    {
        private static readonly byte[] FourDigits = Digits();

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
            FourDigits.AsSpan((int)(millionths / 100) * 4, 4).CopyTo(_line[(Used + 2)..]);
            FourDigits.AsSpan((int)(millionths % 100) * 4 + 2, 2).CopyTo(_line[(Used + 6)..]);
            Used += 8;
            while (_line[Used - 1] == '0') Used--;
        }

        private void Index(uint index)
        {
            _line[Used++] = (byte)' ';
            if (index >= 10_000)
            {
                Leading(index / 10_000);
                FourDigits.AsSpan((int)(index % 10_000) * 4, 4).CopyTo(_line[Used..]);
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
            FourDigits.AsSpan((int)number * 4 + zeros, 4 - zeros).CopyTo(_line[Used..]);
            Used += 4 - zeros;
        }

        private static byte[] Digits()
        {
            var digits = new byte[40_000];
            for (var i = 0; i < 10_000; i++)
            {
                digits[i * 4] = (byte)('0' + i / 1000);
                digits[i * 4 + 1] = (byte)('0' + i / 100 % 10);
                digits[i * 4 + 2] = (byte)('0' + i / 10 % 10);
                digits[i * 4 + 3] = (byte)('0' + i % 10);
            }
            return digits;
        }
    }
}
