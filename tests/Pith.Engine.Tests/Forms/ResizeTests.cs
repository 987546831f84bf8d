using Pith.Ops;

namespace Pith.EngineTests.Forms;

/// <summary>Linear and cubic Resize of images in both layouts.</summary>
public class ResizeTests
{
    public static TheoryData<ResizeMode, ResizeCoordinates, float, float> Forms => new(
        from mode in new[] { ResizeMode.Linear, ResizeMode.Cubic }
        from coordinates in Enum.GetValues<ResizeCoordinates>().Where(coordinates => coordinates != ResizeCoordinates.TfCropAndResize)
        from scale in new[] { (2f, 2f), (1.5f, 3.3f), (0.5f, 0.4f), (1f, 2f) }
        select (mode, coordinates, scale.Item1, scale.Item2));

    [Theory]
    [MemberData(nameof(Forms))]
    public void Any_scale_and_coordinates(ResizeMode mode, ResizeCoordinates coordinates, float down, float along)
    {
        foreach (var channels in new[] { 3, 20 })
            foreach (var isAfterConvolution in new[] { false, true })
                FormCheck.Agrees(() =>
                {
                    var f = new FormGraph(channels, 11, 14);
                    var x = isAfterConvolution ? f.Add(new Conv(), f.X, f.Reals(channels, channels, 1, 1)) : f.X;
                    return f.Returning(f.Add(new Resize { Mode = mode, Coordinates = coordinates }, x, null, f.Floats(1, 1, down, along)));
                }, 1e-5);
    }

    [Theory]
    [InlineData(ResizeMode.Linear)]
    [InlineData(ResizeMode.Cubic)]
    public void Antialiasing_takes_as_many_elements_as_it_needs(ResizeMode mode) => FormCheck.Agrees(() =>
    {
        var f = new FormGraph(5, 30, 41);
        return f.Returning(f.Add(new Resize { Mode = mode, Coordinates = ResizeCoordinates.HalfPixel, Antialias = true, ExcludeOutside = true }, f.X, null, f.Floats(1, 1, 0.2f, 0.31f)));
    }, 1e-5);

    [Fact]
    public void Sizes_and_sequences() => FormCheck.Agrees(() =>
    {
        var f = new FormGraph(9, 21);
        var y = f.Add(new Resize { Mode = ResizeMode.Linear, Coordinates = ResizeCoordinates.HalfPixel }, f.X, null, f.Floats(1, 1, 2.5f));
        return f.Returning(f.Add(new Conv { Window = WindowAttributes.Uniform(3, 1, 1, axes: 1) }, y, f.Reals(4, 9, 3)));
    }, 1e-5);
}
