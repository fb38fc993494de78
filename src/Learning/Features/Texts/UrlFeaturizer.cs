namespace StreamMLOps.Learning;

/// <summary>
/// Lexical features of a URL, without looking anything up: tokens of host, path and query, and what its shape says (Ma, Saul, Savage and Voelker, "Beyond Blacklists: Learning to Detect
/// Malicious Web Sites from Suspicious URLs", KDD 2009). Lengths and counts n come as ln(1 + n), shares from 0 to 1, entropies in bits a byte over 8.
/// </summary>
public sealed class UrlFeaturizer : ITextFeaturizer
{
    /// <inheritdoc/>
    public void Featurize(ReadOnlySpan<byte> text, NamedFeatures features)
    {
        var url = text.Trim(" \t\r\n"u8);
        var rest = url;
        var scheme = rest.IndexOf("://"u8);
        // "://" inside a query is not the scheme's.
        if (scheme > 0 && rest[..scheme].IndexOfAny("/?#."u8) < 0)
        {
            features.Add("scheme="u8, rest[..scheme], 1);
            rest = rest[(scheme + 3)..];
        }
        var end = rest.IndexOfAny("/?#"u8);
        var authority = end < 0 ? rest : rest[..end];
        rest = end < 0 ? default : rest[end..];
        var query = rest.IndexOfAny("?#"u8);
        var path = query < 0 ? rest : rest[..query];
        var tail = query < 0 ? default : rest[(query + 1)..];

        var at = authority.LastIndexOf((byte)'@');
        if (at >= 0)
        {
            features.Add("url.user"u8, default, 1);
            authority = authority[(at + 1)..];
        }
        var host = HostOf(authority, out var port);
        if (!port.IsEmpty) features.Add("port="u8, port, 1);
        AddHost(host, features);
        AddTokens("path="u8, path, features);
        AddTokens("query="u8, tail, features);

        AddCount("url.length"u8, url.Length, features);
        AddCount("path.length"u8, path.Length, features);
        AddCount("path.depth"u8, path.Count((byte)'/'), features);
        AddCount("query.length"u8, tail.Length, features);
        AddCount("url.digits"u8, Digits(url), features);
        AddCount("url.escapes"u8, url.Count((byte)'%'), features);
        AddCount("url.suspicious"u8, Suspicious(url), features);
        if (!url.IsEmpty) features.Add("url.entropy"u8, default, Entropy(url) / 8);
        if (path.IndexOf("//"u8) >= 0) features.Add("path.double-slash"u8, default, 1);
    }

    /// <summary>Shannon entropy of the bytes, in bits a byte.</summary>
    public static double Entropy(ReadOnlySpan<byte> text)
    {
        Span<int> counts = stackalloc int[256];
        counts.Clear();
        foreach (var c in text) counts[c]++;
        var sum = 0.0;
        foreach (var count in counts)
            if (count > 0) sum -= count * DeterministicMath.Log((double)count / text.Length);
        return text.IsEmpty ? 0 : sum / text.Length / DeterministicMath.Log(2);
    }

    /// <summary>Whether a host is an address: IPv4 in dotted decimal, or IPv6 in brackets.</summary>
    public static bool IsAddress(ReadOnlySpan<byte> host)
    {
        if (host is [(byte)'[', .., (byte)']']) return true;
        var parts = 0;
        while (true)
        {
            var dot = host.IndexOf((byte)'.');
            var part = dot < 0 ? host : host[..dot];
            if (part.Length is 0 or > 3 || Digits(part) < part.Length) return false;
            var value = 0;
            foreach (var c in part) value = value * 10 + c - '0';
            if (value > 255) return false;
            parts++;
            if (dot < 0) return parts == 4;
            host = host[(dot + 1)..];
        }
    }

    private static ReadOnlySpan<byte> HostOf(ReadOnlySpan<byte> authority, out ReadOnlySpan<byte> port)
    {
        var colon = authority.LastIndexOf((byte)':');
        // The colons of an IPv6 address are inside its brackets.
        var has = colon >= 0 && colon > authority.LastIndexOf((byte)']');
        port = has ? authority[(colon + 1)..] : default;
        return has ? authority[..colon] : authority;
    }

    private static void AddHost(ReadOnlySpan<byte> host, NamedFeatures features)
    {
        AddTokens("host="u8, host, features);
        AddCount("host.length"u8, host.Length, features);
        AddCount("host.dots"u8, host.Count((byte)'.'), features);
        AddCount("host.hyphens"u8, host.Count((byte)'-'), features);
        if (host.IsEmpty) return;
        features.Add("host.digits"u8, default, (double)Digits(host) / host.Length);
        features.Add("host.entropy"u8, default, Entropy(host) / 8);
        if (host.IndexOf("xn--"u8) >= 0) features.Add("host.punycode"u8, default, 1);
        if (IsAddress(host))
        {
            features.Add("host.address"u8, default, 1);
            return;
        }
        var dot = host.LastIndexOf((byte)'.');
        if (dot < 0) return;
        features.Add("tld="u8, host[(dot + 1)..], 1);
        var before = host[..dot].LastIndexOf((byte)'.');
        features.Add("domain="u8, host[(before + 1)..], 1);
    }

    // Longest runs of letters, digits and bytes beyond ASCII.
    private static void AddTokens(ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> text, NamedFeatures features)
    {
        for (var i = 0; i < text.Length;)
        {
            var from = i;
            while (i < text.Length && TextBytes.IsWord(text[i])) i++;
            if (i > from) features.Add(prefix, text[from..i], 1);
            else i++;
        }
    }

    private static void AddCount(ReadOnlySpan<byte> name, int count, NamedFeatures features) => features.Add(name, default, DeterministicMath.Log1p(count));

    private static int Digits(ReadOnlySpan<byte> text)
    {
        var count = 0;
        foreach (var c in text)
            if (char.IsAsciiDigit((char)c)) count++;
        return count;
    }

    private static int Suspicious(ReadOnlySpan<byte> text)
    {
        var count = 0;
        foreach (var c in text)
            if ("@~;\\$!*'\"<>{}|^`"u8.Contains(c)) count++;
        return count;
    }
}

/// <summary>What bytes of UTF-8 are.</summary>
internal static class TextBytes
{
    /// <summary>Letters and digits of ASCII, and every byte of other characters: words of any script stay whole.</summary>
    public static bool IsWord(byte c) => char.IsAsciiLetterOrDigit((char)c) || c >= 0x80;

    /// <summary>Whether a byte begins a character.</summary>
    public static bool IsFirst(byte c) => (c & 0xC0) != 0x80;
}
