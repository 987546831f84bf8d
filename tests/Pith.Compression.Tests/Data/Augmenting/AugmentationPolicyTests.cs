using Pith.Compression.Data;

namespace Pith.Compression.Tests.Data;

public sealed class AugmentationPolicyTests
{
    [Theory]
    [InlineData("randaugment,mixup=0.4,resized-crop", "resized-crop=0.08/1/0.75/1.3333,randaugment=2/9,mixup=0.4")]
    [InlineData("jitter=0.2", "jitter=0.2/0.2/0.2/0")]
    [InlineData("jitter=0.4/0.3/0.2/0.1", "jitter=0.4/0.3/0.2/0.1")]
    [InlineData("imagenet, erase=1", "resized-crop=0.08/1/0.75/1.3333,jitter=0.4/0.4/0.4/0,erase=1")]
    [InlineData("imagenet,jitter=0.1", "resized-crop=0.08/1/0.75/1.3333,jitter=0.1/0.1/0.1/0")]
    [InlineData("none", "none")]
    public void A_list_is_read_completed_and_put_in_order(string text, string canonical)
    {
        var policy = AugmentationPolicy.Parse(text);
        Assert.Equal(canonical, policy.ToString());
        Assert.Equal(policy, AugmentationPolicy.Parse(canonical));
    }

    [Theory]
    [InlineData("mixupp=0.2", "no augmentation 'mixupp'. The closest are: 'mixup'")]
    [InlineData("", "no augmentation ''")]
    [InlineData("mixup=", "alpha of mixup: expected a number from 0.01 to 100, got ''")]
    [InlineData("mixup=nan", "alpha of mixup")]
    [InlineData("erase=2", "probability of erase: expected a number from 0 to 1, got '2'. It is written erase=0.25")]
    [InlineData("randaugment=1.5", "operations of randaugment: expected a whole number from 1 to 10")]
    [InlineData("randaugment=2/9/1", "at most 2 numbers (operations/magnitude)")]
    [InlineData("resized-crop=0.9/0.5", "least area and ratio to be at most the largest")]
    [InlineData("mixup,imagenet", "'imagenet' in 'mixup,imagenet' stands for a whole list")]
    [InlineData("cifar=1", "'cifar' in 'cifar=1' is the name of a whole list")]
    public void What_is_wrong_is_said(string text, string message)
    {
        var failure = Assert.Throws<PithException>(() => AugmentationPolicy.Parse(text)).Message;
        Assert.Contains("'augment'", failure, StringComparison.Ordinal);
        Assert.Contains(message, failure, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_kind_and_preset_can_be_written_as_help_shows_it()
    {
        Assert.All(AugmentationCatalog.All, kind => Assert.Equal(kind.Example, AugmentationPolicy.Parse(kind.Example).ToString()));
        Assert.All(AugmentationCatalog.Presets, preset => Assert.NotNull(AugmentationPolicy.Parse(preset.Name).ToString()));
    }

    [Theory]
    [InlineData(500, 375)]
    [InlineData(30, 400)]
    [InlineData(1, 1)]
    public void A_resized_crop_lies_in_the_image_and_keeps_its_ranges(int width, int height)
    {
        var crop = new ResizedCrop(0.08, 1, 0.75, 4.0 / 3);
        var areas = new List<double>();
        for (var i = 0; i < 2000; i++)
        {
            var random = new SeededRandom(1, 0, i);
            var window = crop.Draw(width, height, ref random);
            Assert.True(window.Left >= 0 && window.Top >= 0 && window.Width >= 1 && window.Height >= 1 && window.Left + window.Width <= width && window.Top + window.Height <= height, $"{window} of {width}x{height}");
            var ratio = (double)window.Width / window.Height;
            Assert.InRange(ratio, 0.75 * (1 - 2.0 / Math.Min(window.Width, window.Height)), 4.0 / 3 * (1 + 2.0 / Math.Min(window.Width, window.Height)));
            areas.Add((double)window.Width * window.Height / (width * height));
        }
        if (width != 500) return;
        // Uniform from 0.08 to 1, less the large ones whose ratio did not fit.
        Assert.InRange(areas.Min(), 0.07, 0.09);
        Assert.InRange(areas.Average(), 0.42, 0.46); // 0.432 by the same loop in Python
        Assert.True(areas.Max() > 0.95);
    }

    [Fact]
    public void An_image_that_no_part_fits_gives_the_largest_part_in_its_centre()
    {
        var random = new SeededRandom(1);
        // No square has 90% of the area of such an image.
        Assert.Equal(new CropWindow(45, 0, 10, 10), new ResizedCrop(0.9, 1, 1, 1).Draw(100, 10, ref random));
        Assert.Equal(new CropWindow(0, 45, 10, 10), new ResizedCrop(0.9, 1, 1, 1).Draw(10, 100, ref random));
    }

    [Fact]
    public void Erasing_clears_one_rectangle_of_all_channels_as_often_as_said()
    {
        var (shape, erased) = (new ImageShape(2, 20, 30), 0);
        for (var i = 0; i < 1000; i++)
        {
            var values = Enumerable.Repeat(1f, shape.Elements).ToArray();
            var random = new SeededRandom(1, 0, i);
            new RandomErasing(0.3).Apply(values, shape, ref random);
            var zeros = Enumerable.Range(0, 600).Where(at => values[at] == 0).ToArray();
            Assert.Equal(zeros, Enumerable.Range(0, 600).Where(at => values[600 + at] == 0));
            if (zeros.Length == 0) continue;
            erased++;
            var (width, height) = (zeros.Max(at => at % 30) - zeros.Min(at => at % 30) + 1, zeros.Max(at => at / 30) - zeros.Min(at => at / 30) + 1);
            Assert.Equal(width * height, zeros.Length);
            Assert.InRange(zeros.Length, 600 * 0.02 * 0.7, 600 * 0.33 * 1.1);
        }
        Assert.InRange(erased, 250, 350);
    }

    [Theory]
    [InlineData(0.2)]
    [InlineData(1.0)]
    [InlineData(8.0)]
    public void Shares_of_mixup_have_the_moments_of_the_beta_distribution(double alpha)
    {
        var random = new SeededRandom(3);
        var shares = Enumerable.Range(0, 20_000).Select(_ => BetaDistribution.Draw(alpha, ref random)).ToArray();
        var mean = shares.Average();
        Assert.InRange(mean, 0.49, 0.51);
        Assert.Equal(1 / (4 * (2 * alpha + 1)), shares.Average(share => (share - mean) * (share - mean)), 0.003);
        Assert.All(shares, share => Assert.InRange(share, 0, 1));
    }

    [Fact]
    public void The_label_of_cutmix_is_the_share_of_the_area()
    {
        var shape = new ImageShape(1, 24, 40);
        var shares = new List<double>();
        for (var i = 0; i < 500; i++)
        {
            var random = new SeededRandom(1, 0, i);
            var mix = new CutMix(1).Draw(shape, ref random);
            var (own, partner) = (new float[960], Enumerable.Repeat(1f, 960).ToArray());
            mix.Apply(own, partner, shape);
            Assert.Equal(1 - own.Sum() / 960, mix.OwnShare, 1e-5);
            shares.Add(mix.OwnShare);
        }
        Assert.InRange(shares.Average(), 0.5, 0.75);
        Assert.True(shares.Min() < 0.4 && shares.Max() > 0.97);
    }
}
