using Pith.Cli.Peers;

namespace Pith.Cli.Tests;

public class OutputAgreementTests
{
    [Fact]
    public void Differences_and_classes_are_counted_over_all_images()
    {
        var agreement = OutputAgreement.Of(Scores(2, 1, 2, 3, 4, 5, -6), Scores(2, 1, 2, 3.5f, 6, 5, -6));
        Assert.Equal(new OutputAgreement(2, 6, 1, 2), agreement);
        Assert.Contains("same top-1 on 1 of 2", agreement!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Shapes_may_differ_and_sizes_may_not()
    {
        Assert.Equal(0, OutputAgreement.Of(Scores(1, 1, 2), Tensor.Create(new Shape(1, 2, 1, 1), [1f, 2f]))!.MaxDifference);
        Assert.Null(OutputAgreement.Of(Scores(1, 1, 2), Scores(1, 1, 2, 3)));
    }

    [Fact]
    public void One_element_per_image_is_no_class() => Assert.Null(OutputAgreement.Of(Scores(2, 1, 2), Scores(2, 2, 1))!.SameTop1);

    [Fact]
    public void A_NaN_on_one_side_is_no_agreement() => Assert.Equal(double.NaN, OutputAgreement.Of(Scores(1, 1, 2, 3), Scores(1, 1, float.NaN, 5))!.MaxDifference);

    private static Tensor<float> Scores(int images, params float[] elements) => Tensor.Create(new Shape(images, elements.Length / images), elements);
}
