using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline.Tests;

public sealed class TextDecoderTests : DecoderSpec
{
    protected override IDecoder Decoder { get; } = new TextDecoder(new TextMapping());

    protected override string[] Seeds => ["Win a FREE prize, free!", "http://example.org/login.php?user=17"];

    [Fact]
    public void Words_are_features_and_their_counts_the_values()
    {
        using var chunk = Decoder.Decode(Decoding.Raw(Seeds));
        Assert.Equal(["a:1", "free:2", "prize:1", "win:1"], Decoding.RowText(chunk.Rows, 0).Split(' ').Order(StringComparer.Ordinal));
        Assert.Equal(["17:1", "com:0", "example:1", "http:1", "login:1", "org:1", "php:1", "user:1"], Decoding.RowText(chunk.Rows, 1).Split(' ').Append("com:0").Order(StringComparer.Ordinal));
        Assert.True(double.IsNaN(chunk.Rows.Labels[0]));
    }

    [Fact]
    public void Words_of_any_script_stay_whole()
    {
        using var chunk = Decoder.Decode(Decoding.Raw("Straße über 東京-タワー"));
        Assert.Equal(["straße:1", "über:1", "タワー:1", "東京:1"], Decoding.RowText(chunk.Rows, 0).Split(' ').Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_whole_text_is_one_named_feature_for_featurizers_to_take_apart()
    {
        using var chunk = new TextDecoder(new TextMapping(TextSplit.Whole, TextLabel.Tab)).Decode(Decoding.Raw("1\thttp://a.example/?q=%20x  \r\n", "0\t17"));
        Assert.Equal("http://a.example/?q=%20x", System.Text.Encoding.UTF8.GetString(chunk.Rows.NameOf(0)));
        Assert.Equal("17", System.Text.Encoding.UTF8.GetString(chunk.Rows.NameOf(1)));
        Assert.Equal([1.0, 0.0], chunk.Rows.Labels.ToArray());
    }

    [Theory]
    [InlineData("no label here", RowFault.BadLabel)]
    [InlineData("spam\ttext", RowFault.BadLabel)]
    [InlineData("NaN\ttext", RowFault.NotFinite)]
    public void A_label_before_the_tab_is_required_where_it_is_expected(string record, RowFault fault)
    {
        using var chunk = new TextDecoder(new TextMapping(Label: TextLabel.Tab)).Decode(Decoding.Raw(record));
        Assert.Equal(fault, Assert.Single(chunk.DeadLetters).Fault);
    }

    [Fact]
    public void Words_and_texts_have_limits()
    {
        using var word = Decoder.Decode(Decoding.Raw(new string('x', 1025)));
        Assert.Equal(RowFault.TooLarge, word.DeadLetters[0].Fault);
        using var text = new TextDecoder(new TextMapping(TextSplit.Whole)).Decode(Decoding.Raw(new string('x', 16 * 1024 + 1)));
        Assert.Equal(RowFault.TooLarge, text.DeadLetters[0].Fault);
    }
}
