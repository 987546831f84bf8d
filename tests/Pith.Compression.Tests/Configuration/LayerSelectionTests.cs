namespace Pith.Compression.Tests;

public class LayerSelectionTests
{
    private static readonly LayerName[] s_layers = [new("conv1", "Conv"), new("layer1.0/conv", "Conv"), new("layer1.1/conv", "Conv"), new("fc", "Gemm")];

    [Fact]
    public void A_name_beats_an_op_type_which_beats_the_global_setting()
    {
        var rules = new LayerRules<string>("global")
        {
            ByName = [("layer1.1/conv", "exact"), ("layer1.*", "pattern")],
            ByOpType = [("Conv", "type")],
        };
        Assert.Equal(["type", "pattern", "exact", "global"], s_layers.Select(rules.Resolve));
    }

    [Fact]
    public void Of_several_patterns_the_first_that_matches_decides() =>
        Assert.Equal("first", new LayerRules<string>("") { ByName = [("*1*", "first"), ("conv*", "second")] }.Resolve(s_layers[0]));

    [Fact]
    public void Rules_are_values() =>
        Assert.Equal(new LayerRules<bool>(true) { ByName = [("a", false)] }, new LayerRules<bool>(true) { ByName = [("a", false)] });

    [Fact]
    public void A_rule_that_matches_nothing_is_an_error_with_the_closest_names()
    {
        var error = Assert.Throws<PithException>(() => new LayerRules<bool>(true) { ByName = [("layer1.0.conv", false)] }.RequireAllUsed(s_layers));
        Assert.Contains("'layer1.0.conv' matches no layer", error.Message);
        Assert.Contains("The closest are: 'layer1.0/conv', 'layer1.1/conv'", error.Message);

        error = Assert.Throws<PithException>(() => new LayerRules<bool>(true) { ByOpType = [("conv", false)] }.RequireAllUsed(s_layers));
        Assert.Contains("'conv' matches no layer. The closest are: 'Conv', 'Gemm'", error.Message);
    }

    [Fact]
    public void Everything_is_taken_by_default() => Assert.All(s_layers, layer => Assert.Null(new LayerFilter().WhyNot(layer)));

    [Fact]
    public void Excluded_wins_over_included()
    {
        var filter = new LayerFilter { Include = ["layer1.*", "fc"], Exclude = ["*.1/*"], ExcludeOpTypes = ["Gemm"] };
        Assert.Equal(["not included", null, "excluded by '*.1/*'", "excluded by op type Gemm"], s_layers.Select(filter.WhyNot));
    }

    [Fact]
    public void Included_op_types_take_layers_as_included_names_do()
    {
        var filter = new LayerFilter { Include = ["conv1"], IncludeOpTypes = ["Gemm"] };
        Assert.Equal([null, "not included", "not included", null], s_layers.Select(filter.WhyNot));
    }

    [Fact]
    public void A_filter_that_matches_nothing_is_an_error()
    {
        Assert.Contains("'layer9.*'", Assert.Throws<PithException>(() => new LayerFilter { Exclude = ["layer9.*"] }.RequireAllUsed(s_layers)).Message);
        Assert.Contains("'MatMul'", Assert.Throws<PithException>(() => new LayerFilter { IncludeOpTypes = ["MatMul"] }.RequireAllUsed(s_layers)).Message);
    }
}
