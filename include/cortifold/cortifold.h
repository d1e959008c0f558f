/* cortifold/cortifold.h - the whole public interface.                       */
#ifndef CORTIFOLD_CORTIFOLD_H
#define CORTIFOLD_CORTIFOLD_H

#include <cortifold/base.h>
#include <cortifold/array.h>
#include <cortifold/linalg.h>
#include <cortifold/stats.h>
#include <cortifold/groups.h>
#include <cortifold/graph.h>
#include <cortifold/json.h>
#include <cortifold/io.h>
#include <cortifold/rdm.h>
#include <cortifold/rsa.h>
#include <cortifold/compare.h>
#include <cortifold/response.h>
#include <cortifold/tensor.h>
#include <cortifold/manifold.h>
#include <cortifold/dynamics.h>
#include <cortifold/trajectory.h>
#include <cortifold/space.h>
#include <cortifold/cortex.h>
#include <cortifold/voxelwise.h>
#include <cortifold/simulate.h>
#include <cortifold/stimulus.h>
#include <cortifold/model.h>
#include <cortifold/figure.h>
#include <cortifold/charts.h>
#include <cortifold/pipeline.h>
#include <cortifold/preprocess.h>
#include <cortifold/study.h>
#include <cortifold/report.h>

#endif
