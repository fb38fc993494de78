using System.Buffers.Text;
using System.Text;

namespace StreamMLOps.Pipeline;

/// <summary>A number as text: decimal, rounded correctly; <c>true</c> is 1 and <c>false</c> is 0 in any case of letters.</summary>
internal static class NumberText
{
    /// <summary>Reads the whole text. What is not finite is read as such, for the caller to refuse by its own name.</summary>
    public static bool TryRead(ReadOnlySpan<byte> text, out double value)
    {
        if (Utf8Parser.TryParse(text, out value, out var used) && used == text.Length) return true;
        return TryReadFlag(text, out value);
    }

    /// <summary>Reads <c>true</c> or <c>false</c> alone.</summary>
    public static bool TryReadFlag(ReadOnlySpan<byte> text, out double value)
    {
        value = Ascii.EqualsIgnoreCase(text, "true"u8) ? 1 : 0;
        return value == 1 || Ascii.EqualsIgnoreCase(text, "false"u8);
    }
}
