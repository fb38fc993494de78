namespace StreamMLOps.Pipeline;

/// <summary>What is the same for all rows of a day: the vocabulary, and which token and real leans to which class.</summary>
internal sealed class UrlDay
{
    /// <summary>Features that are real-valued or flags, numbered before the tokens.</summary>
    public const int Reals = 60;

    /// <summary>Tokens that were not there the day before.</summary>
    public const int NewTokens = 26_166;

    private const int CoreVocabulary = 60_000;
    private const int MaxVocabulary = 3_200_000;
    private const double Mandelbrot = 8;
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

    /// <summary>The first token that was not there the day before.</summary>
    public uint FirstNew { get; private set; }

    /// <summary>Probability of the positive class, in 65,536ths.</summary>
    public int PositiveShare { get; private set; }

    /// <summary>Probability of each real in a row of the class, in 65,536ths.</summary>
    public ReadOnlySpan<int> Presence(bool positive) => _presence.AsSpan(positive ? Reals : 0, Reals);

    /// <summary>Scale of each real in a row of the class; 0: a flag, whose value is always 1.</summary>
    public ReadOnlySpan<double> Scale(bool positive) => _scale.AsSpan(positive ? Reals : 0, Reals);

    /// <summary>
    /// The token at the quantile <paramref name="u"/> of a power law, x^-1.05 on [8, vocabulary]. Its integral is x^(-1/20), so a
    /// 20th power inverts it.
    /// </summary>
    public uint Popular(double u)
    {
        var y = _popularFrom - u * _popularSpan;
        var y4 = y * y * (y * y);
        var y16 = y4 * y4 * (y4 * y4);
        return Math.Min((uint)(1 / (y16 * y4) - Mandelbrot), _vocabulary - 1);
    }

    /// <summary>How strictly a token keeps to the positive class (above 0) or the negative one (below), in 32,767ths.</summary>
    public int Affinity(uint token) => token < Drifting ? _affinity[token] : Draw(token, 0);

    /// <summary>Makes this the day <paramref name="day"/>, from nothing but the seed.</summary>
    public void MoveTo(int day)
    {
        if (day == _number) return;
        _number = day;
        _vocabulary = (uint)Math.Min(MaxVocabulary, CoreVocabulary + (long)NewTokens * (day + 1));
        FirstNew = _vocabulary - NewTokens;
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
