using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace StreamMLOps.Learning;

/// <summary>
/// Reads svmlight lines, <c>label index:value index:value ... # comment</c>, from bytes to rows. <c>qid:</c> pairs are passed over;
/// blanks, tabs and the line's end are separators; indices are any <see cref="uint"/>, in any order; labels and values are decimal
/// numbers, rounded correctly.
/// </summary>
public static unsafe class SvmLightParser
{
    // What may be read beyond a token's start before its end is known: an index, its colon, "0." and 8 bytes of digits.
    private const int Reach = MostDigits + 12;

    // More digits than any index has, zeros before it included, are refused.
    private const int MostDigits = 20;

    private const ulong Separators = 1UL << ' ' | 1UL << '\t' | 1UL << '\r' | 1UL << '\n';

    /// <summary>Adds the row of one line to the batch, or adds nothing and says why.</summary>
    /// <param name="line">The line, with or without its end.</param>
    /// <param name="batch">Receives exactly one row where the answer is <see cref="RowFault.None"/>.</param>
    /// <param name="column">The byte, counted from 0, of the token where the fault is; 0 where there is none.</param>
    public static RowFault Parse(ReadOnlySpan<byte> line, RowBatch batch, out int column)
    {
        column = 0;
        var start = SkipBlanks(line, 0);
        if (start == line.Length || line[start] == '#') return RowFault.Blank;
        column = start;
        var at = start;
        var fault = DecimalNumber.Parse(line, ref at, out var label);
        if (fault != RowFault.None) return fault == RowFault.NotFinite ? fault : RowFault.BadLabel;
        if (at < line.Length && !IsSeparator(line[at])) return RowFault.BadLabel;

        // The shortest feature is "1:1 ".
        var target = batch.OpenRow(Math.Min(line.Length / 4 + 1, RowBatch.MaxFeatures));
        fixed (byte* bytes = line)
        {
            var scan = new Scan { At = bytes + at, End = bytes + line.Length, Ascending = true };
            if (line.Length >= SvmLightFastPath.Worthwhile && bytes[at] == ' ')
                scan.At = SvmLightFastPath.Read(bytes + at + 1, scan.End, target, ref scan.Count, ref scan.Ascending);
            fault = Features(ref scan, scan.End - Reach, target);
            column = (int)(scan.At - bytes);
            if (fault == RowFault.None && scan.At < scan.End)
            {
                // The rest is read from a copy with separators behind it, so that no read passes the end of the line.
                var rest = line[column..];
                var tail = stackalloc byte[2 * Reach];
                new Span<byte>(tail, 2 * Reach).Fill((byte)'\n');
                rest.CopyTo(new Span<byte>(tail, Reach));
                scan.At = tail;
                scan.End = tail + rest.Length;
                fault = Features(ref scan, scan.End, target);
                column += (int)(scan.At - tail);
            }
            if (fault != RowFault.None)
            {
                batch.DropRow();
                return fault;
            }
            column = 0;
            return batch.CommitRow(scan.Count, scan.Ascending, label);
        }
    }

    // Reads features until a token starts at or after stop; Reach bytes behind stop must be readable. What calls out by reference is a
    // copy, so that the loop's own variables stay in registers.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static RowFault Features(ref Scan scan, byte* stop, OpenedRow target)
    {
        var p = scan.At;
        var count = scan.Count;
        var ascending = scan.Ascending;
        var previous = count > 0 ? target.Index(count - 1) : -1L;
        var fault = RowFault.None;
        while (p < stop)
        {
            if (*p <= ' ' && IsSeparator(*p))
            {
                p++;
                continue;
            }

            var token = p;
            uint index;
            var chunk = Load(p);
            var digits = DigitsAtStart(chunk);
            if ((uint)(digits - 1) < 7 && p[digits] == ':')
            {
                index = Number(Digits(chunk, digits));
                p += digits + 1;
            }
            else if (*p == '#')
            {
                p = scan.End;
                break;
            }
            else
            {
                var after = OtherIndex(p, scan.End, out var other);
                if (after == null)
                {
                    fault = RowFault.BadIndex;
                    break;
                }
                p = after;
                if (after[-1] != ':') continue;
                index = other;
            }

            double value;
            var first = (uint)(*p - '0');
            if (p[1] == ' ' && first <= 9)
            {
                value = first;
                p += 2;
            }
            else
            {
                chunk = Load(p + 2);
                digits = DigitsAtStart(chunk);
                if (first <= 9 && p[1] == '.' && (uint)(digits - 1) < 7 && IsSeparator(p[digits + 2]))
                {
                    value = Decimal(first, Number(Digits(chunk, digits)), digits);
                    p += digits + 3;
                }
                else
                {
                    var after = p;
                    fault = OtherValue(ref after, scan.End, out var other);
                    p = after;
                    if (fault != RowFault.None) break;
                    value = other;
                }
            }
            if (value == 0) continue;

            if (count == target.Capacity)
            {
                fault = RowFault.TooManyFeatures;
                p = token;
                break;
            }
            target.Set(count++, index, value);
            ascending &= index > previous;
            previous = index;
        }
        scan.At = p < scan.End ? p : scan.End;
        scan.Count = count;
        scan.Ascending = ascending;
        return fault;
    }

    // An index of 8 digits or more, or a qid pair, which is passed over. Returns the byte behind the colon, behind the pair, or null.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static byte* OtherIndex(byte* p, byte* end, out uint index)
    {
        index = 0;
        var isQuery = new ReadOnlySpan<byte>(p, (int)(end - p)).StartsWith("qid:"u8);
        if (isQuery)
        {
            p += "qid:"u8.Length;
            while (p < end && !IsSeparator(*p)) p++;
            return p[-1] == ':' ? null : p;
        }
        ulong number = 0;
        var first = p;
        for (; p < end && (uint)(*p - '0') <= 9; p++)
        {
            number = number * 10 + (uint)(*p - '0');
            if (number > uint.MaxValue || p - first >= MostDigits) return null;
        }
        if (p == first || p >= end || *p != ':') return null;
        index = (uint)number;
        return p + 1;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static RowFault OtherValue(ref byte* p, byte* end, out double value)
    {
        var token = new ReadOnlySpan<byte>(p, (int)Math.Max(0, end - p));
        var at = 0;
        var fault = DecimalNumber.Parse(token, ref at, out value);
        if (fault != RowFault.None) return fault;
        if (at < token.Length && !IsSeparator(token[at])) return RowFault.BadValue;
        p += at;
        return RowFault.None;
    }

    private static ReadOnlySpan<double> PowersOfTen => [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];

    private static ReadOnlySpan<int> WholePowersOfTen => [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

    /// <summary>Whether the token is a finite number.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static bool TryReadValue(byte* token, int length, out double value)
    {
        var at = 0;
        return DecimalNumber.Parse(new ReadOnlySpan<byte>(token, length), ref at, out value) == RowFault.None && at == length;
    }

    // At most 9 digits over an exact power of ten: one correctly rounded division.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static double Decimal(uint whole, uint fraction, int places) =>
        (double)((long)whole * WholePowersOfTen[places] + fraction) / PowersOfTen[places];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Load(byte* p)
    {
        var chunk = Unsafe.ReadUnaligned<ulong>(p);
        return BitConverter.IsLittleEndian ? chunk : BinaryPrimitives.ReverseEndianness(chunk);
    }

    // How many of the chunk's first bytes are digits. A byte that is none sets its top bit in one of the two sums; what it
    // carries or borrows reaches only the bytes behind it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int DigitsAtStart(ulong chunk)
    {
        var others = ((chunk + 0x4646464646464646) | (chunk - 0x3030303030303030)) & 0x8080808080808080;
        return System.Numerics.BitOperations.TrailingZeroCount(others) >> 3;
    }

    // The values of the first 1 to 8 bytes as digits, at the chunk's end, zeros before them.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Digits(ulong chunk, int count) => (chunk - 0x3030303030303030) << (64 - 8 * count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Digits(byte* p, int count) => Digits(Load(p), count);

    // Not 0 where a byte is none of 0 to 9.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong NotDigits(ulong digits) => ((digits + 0x7676767676767676) | digits) & 0x8080808080808080;

    // The number that eight digits spell: to pairs, to fours, to eight.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Number(ulong digits)
    {
        var pairs = digits * 10 + (digits >> 8);
        return (uint)(((pairs & 0x000000FF000000FF) * 0x000F424000000064 + ((pairs >> 16) & 0x000000FF000000FF) * 0x0000271000000001) >> 32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsSeparator(byte b) => b <= ' ' && (Separators >> b & 1) != 0;

    private static int SkipBlanks(ReadOnlySpan<byte> line, int at)
    {
        while (at < line.Length && IsSeparator(line[at])) at++;
        return at;
    }

    private struct Scan
    {
        public byte* At;
        public byte* End;
        public int Count;
        public bool Ascending;
    }
}
