using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace StreamMLOps.Learning;

/// <summary>
/// The features of ordinary svmlight text, <c>index:value</c> with single blanks between, read without a branch that depends on the text:
/// colons and blanks are found thirty-two bytes at a time, then every token's ends are known and tokens no longer wait for one
/// another; values longer than a digit are left for a loop of their own. Whatever is not ordinary is left to
/// <see cref="SvmLightParser"/>, which also finds the faults. (The two stages are those of Langdale and Lemire, "Parsing Gigabytes of JSON per Second", 2019.)
/// </summary>
internal static unsafe class SvmLightFastPath
{
    private const int Block = 32;
    private const int WindowBlocks = 64;
    private const int Window = Block * WindowBlocks;

    private const int Group = 4;   // indices added up at a time

    // What may be read behind a token that ends in the window.
    private const int Slack = 16;

    /// <summary>Lines shorter than this are not worth the start.</summary>
    public const int Worthwhile = 64;

    /// <summary>Reads features from the token at <paramref name="p"/> on, as far as they are ordinary.</summary>
    /// <returns>Where it stopped: a token's start.</returns>
    [SkipLocalsInit]
    public static byte* Read(byte* p, byte* end, OpenedRow target, ref int count, ref bool ascending)
    {
        var marks = stackalloc ushort[Window + Block];
        var digits = stackalloc ulong[Window / 2 + Group];
        var reals = stackalloc ushort[Window / 2];
        while (true)
        {
            var blocks = (int)Math.Min(WindowBlocks, (end - p - Slack) / Block);
            if (blocks <= 0) return p;
            var tokens = FindMarks(p, blocks, marks) / 2;
            if (tokens == 0 || tokens > target.Capacity - count - Group) return p;
            fixed (uint* indices = &target.Index(count))
            fixed (double* values = &target.Value(count))
            {
                var longer = SplitTokens(p, marks, tokens, digits, values, reals);
                if (longer < 0 || !ReadIndices(digits, tokens, indices) || !ReadLongerValues(p, marks, reals, longer, values)) return p;
                ascending = ascending && (count == 0 || indices[0] > target.Index(count - 1)) && Rises(indices, tokens);
            }
            count += tokens;
            p += marks[2 * tokens - 1] + 1;
        }
    }

    // Positions of all colons and blanks, ascending: in ordinary text the ends of index and value by turns.
    private static int FindMarks(byte* p, int blocks, ushort* marks)
    {
        var found = 0;
        for (var b = 0; b < blocks; b++)
        {
            var bytes = Vector256.Load(p + b * Block);
            var bits = (Vector256.Equals(bytes, Vector256.Create((byte)':')) | Vector256.Equals(bytes, Vector256.Create((byte)' '))).ExtractMostSignificantBits();
            var inBlock = BitOperations.PopCount(bits);
            var next = marks + found;
            // Twelve whether they are there or not: few blocks have more, and what is written beyond is overwritten.
            for (var i = 0; i < 12; i += 4)
            {
                next[i] = (ushort)(b * Block + BitOperations.TrailingZeroCount(bits));
                bits &= bits - 1;
                next[i + 1] = (ushort)(b * Block + BitOperations.TrailingZeroCount(bits));
                bits &= bits - 1;
                next[i + 2] = (ushort)(b * Block + BitOperations.TrailingZeroCount(bits));
                bits &= bits - 1;
                next[i + 3] = (ushort)(b * Block + BitOperations.TrailingZeroCount(bits));
                bits &= bits - 1;
            }
            for (var i = 12; i < inBlock; i++)
            {
                next[i] = (ushort)(b * Block + BitOperations.TrailingZeroCount(bits));
                bits &= bits - 1;
            }
            found += inBlock;
        }
        return found;
    }

    // The digits of every index, ready to be added up, and the values of one digit; longer values are listed. Returns how many these
    // are, or -1 where an index has no digit or more than eight.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int SplitTokens(byte* p, ushort* marks, int tokens, ulong* digits, double* values, ushort* longer)
    {
        nint listed = 0;
        var lengths = 0u;
        var start = 0u;
        for (nint t = 0; t < tokens; t++)
        {
            var ends = Unsafe.ReadUnaligned<uint>(marks + 2 * t);
            var colon = (uint)(ushort)ends;
            lengths |= colon - start - 1;
            digits[t] = SvmLightParser.Digits(p + start, (int)(colon - start));

            // ":d " less what its bytes are when d is 0 leaves d alone, between zeros; anything else leaves something else. No zeros: they are no features.
            var digit = BitOperations.RotateRight((Unsafe.ReadUnaligned<uint>(p + colon) ^ 0x0020303A) << 8, 16);
            values[t] = (int)digit;
            longer[listed] = (ushort)t;
            // One more where it is not 1 to 9, without a branch: which values are longer nobody can foresee.
            listed += (nint)((8UL - (digit - 1)) >> 63);
            start = (ends >> 16) + 1;
        }
        return lengths <= 7 ? (int)listed : -1;
    }

    // Digits to indices, four at a time where the processor can. False: one is no digit.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool ReadIndices(ulong* digits, int tokens, uint* indices)
    {
        if (!Avx2.IsSupported)
        {
            var wrong = 0UL;
            for (var t = 0; t < tokens; t++)
            {
                indices[t] = SvmLightParser.Number(digits[t]);
                wrong |= SvmLightParser.NotDigits(digits[t]);
            }
            return wrong == 0;
        }
        for (var t = tokens; t < tokens + Group; t++) digits[t] = 0;
        var tens = Vector256.Create((short)0x010A).AsSByte();
        var hundreds = Vector256.Create(0x0001_0064).AsInt16();
        var tenThousands = Vector256.Create(0x0000_0001_0000_2710).AsInt32();
        var even = Vector256.Create(0, 2, 4, 6, 0, 2, 4, 6);
        var above = Vector256<byte>.Zero;
        for (var t = 0; t < tokens; t += Group)
        {
            var ones = Vector256.Load((byte*)(digits + t));
            above |= ones | (ones + Vector256.Create((byte)0x76));
            var fours = Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(ones, tens), hundreds);
            var halves = (fours * tenThousands).AsUInt64();
            var whole = halves + (halves >> 32);
            Vector128.Store(Avx2.PermuteVar8x32(whole.AsInt32(), even).AsUInt32().GetLower(), indices + t);
        }
        return above.ExtractMostSignificantBits() == 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool ReadLongerValues(byte* p, ushort* marks, ushort* longer, int count, double* values)
    {
        for (nint i = 0; i < count; i++)
        {
            nint token = longer[i];
            var colon = p + marks[2 * token];
            var blank = p + marks[2 * token + 1];
            if (*colon != ':' || *blank != ' ') return false;
            var whole = (uint)(colon[1] - '0');
            var places = (int)(blank - colon) - 3;
            double value;
            if (whole <= 9 && colon[2] == '.' && (uint)(places - 1) < 8 && SvmLightParser.Digits(colon + 3, places) is var digits && SvmLightParser.NotDigits(digits) == 0)
                value = SvmLightParser.Decimal(whole, SvmLightParser.Number(digits), places);
            else if (!SvmLightParser.TryReadValue(colon + 1, (int)(blank - colon) - 1, out value))
                return false;
            if (value == 0) return false;
            values[token] = value;
        }
        return true;
    }

    private static bool Rises(uint* indices, int count)
    {
        var k = 1;
        for (; k + Vector256<uint>.Count <= count; k += Vector256<uint>.Count)
            if (!Vector256.GreaterThanAll(Vector256.Load(indices + k), Vector256.Load(indices + k - 1))) return false;
        for (; k < count; k++)
            if (indices[k] <= indices[k - 1]) return false;
        return true;
    }
}
