namespace Pith.Compression.Reconstruction;

/// <summary>Collects the moments of a layer from the values that two networks have at it.</summary>
internal static class LayerSamples
{
    private const int Chunk = 512;

    /// <summary>What two networks have at a layer, batch by batch.</summary>
    /// <param name="Target">Makes of the others what the layer should give.</param>
    /// <param name="Inputs">The layer's data in the changed network.</param>
    /// <param name="Expected">The results of <see cref="LayerTarget.Compared"/> in the reference.</param>
    /// <param name="Sums">Those of <see cref="LayerTarget.Sum"/> in the changed network.</param>
    /// <param name="Results">Those of <see cref="LayerTarget.Result"/>.</param>
    internal sealed record Values(LayerTarget Target, IReadOnlyList<Tensor> Inputs, IReadOnlyList<Tensor> Expected, IReadOnlyList<Tensor> Sums, IReadOnlyList<Tensor> Results);

    /// <summary>The moments of each convolution group: of the images that choices are made on, and of those held out.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="values">What both networks have at it.</param>
    /// <param name="samples">About how many samples to draw from all images together.</param>
    /// <param name="seed">Which ones.</param>
    /// <param name="threads">Threads; no result depends on it.</param>
    public static (LayerMoments[] Fit, LayerMoments[] HeldOut) Collect(LinearLayer layer, Values values, int samples, int seed, int threads)
    {
        var images = values.Inputs.Sum(batch => batch.Shape[0]);
        var perImage = layer.SamplesPerImage(values.Inputs[0]);
        var places = Draw(images, perImage, Math.Clamp((samples + images - 1) / images, 1, perImage), seed);
        LayerMoments[] fit = new LayerMoments[layer.Groups], heldOut = new LayerMoments[layer.Groups];
        // Few groups have large matrices, whose products are worth several threads.
        var (outer, inner) = layer.Groups >= threads ? (threads, 1) : (1, threads);
        Parallel.For(0, layer.Groups, new ParallelOptions { MaxDegreeOfParallelism = outer }, group =>
        {
            fit[group] = new LayerMoments(layer.Rows, layer.Columns);
            heldOut[group] = new LayerMoments(layer.Rows, layer.Columns);
            foreach (var isHeldOut in (bool[])[false, true]) CollectGroup(layer, values, places, group, isHeldOut, isHeldOut ? heldOut[group] : fit[group], inner);
        });
        return (fit, heldOut);
    }

    private static void CollectGroup(LinearLayer layer, Values values, int[][] places, int group, bool isHeldOut, LayerMoments moments, int threads)
    {
        var capacity = Math.Max(Chunk, places[0].Length);
        var (x, y) = (new SampleMatrix(layer.Columns, capacity), new SampleMatrix(layer.Rows, capacity));
        var (sums, present) = (new SampleMatrix(layer.Rows, capacity), new SampleMatrix(layer.Rows, capacity));
        var (first, images) = (0, places.Length);
        for (var batch = 0; batch < values.Inputs.Count; first += values.Inputs[batch++].Shape[0])
            for (var i = 0; i < values.Inputs[batch].Shape[0]; i++)
            {
                if ((images > CalibrationImages.HeldOutEvery && CalibrationImages.IsHeldOut(first + i, images)) != isHeldOut) continue;
                if (x.Count + places[first + i].Length > capacity) Flush();
                var taken = y.Count;
                layer.Gather(values.Inputs[batch].As<float>(), i, places[first + i], group, x);
                layer.GatherResults(values.Expected[batch].As<float>(), i, places[first + i], group, y);
                layer.GatherResults(values.Sums[batch].As<float>(), i, places[first + i], group, sums);
                layer.GatherResults(values.Results[batch].As<float>(), i, places[first + i], group, present);
                for (; taken < y.Count; taken++) values.Target.Aim(y.Row(taken), sums.Row(taken), present.Row(taken), group * layer.Rows);
            }
        Flush();

        void Flush()
        {
            if (x.Count > 0) moments.Add(x, y, threads);
            (x.Count, y.Count, sums.Count, present.Count) = (0, 0, 0, 0);
        }
    }

    /// <summary>Different places of each image, in ascending order.</summary>
    private static int[][] Draw(int images, int perImage, int count, int seed)
    {
        var places = new int[images][];
        for (var image = 0; image < images; image++)
        {
            var random = new Random(unchecked(seed * 1_000_003 + image));
            places[image] = [.. Enumerable.Range(0, perImage)];
            if (count == perImage) continue;
            for (var i = 0; i < count; i++)
            {
                var other = random.Next(i, perImage);
                (places[image][i], places[image][other]) = (places[image][other], places[image][i]);
            }
            Array.Resize(ref places[image], count);
            Array.Sort(places[image]);
        }
        return places;
    }
}
